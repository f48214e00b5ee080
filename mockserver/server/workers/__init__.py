"""Several processes on one port: each a server of its own, and what makes them answer as one."""
