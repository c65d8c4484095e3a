"""The store in memory, for tests: the answers of Redis, and faults that can be asked for. Nothing here survives."""
