"""The one door through which every account changes."""
