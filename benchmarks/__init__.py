"""Measurements, never timed tests; each module prints its numbers and says what it compares."""
