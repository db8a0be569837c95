"""The engine: rules, record, verifiers and the one door through which every account changes."""
