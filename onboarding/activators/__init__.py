"""The downstream system that switches capabilities on and off: the port, the adapter that speaks HTTP, the choice."""
