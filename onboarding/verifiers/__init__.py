"""Who answers checks: the port, the registry, and the adapters."""
