"""Stand-ins for outside services, each a process of its own that knows nothing of who calls it."""
