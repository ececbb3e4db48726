"""Real servers on loopback, each a context manager that installs, starts, seeds and always stops its server."""
