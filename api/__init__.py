"""The HTTP API: what HTTP forces, and nothing else."""
