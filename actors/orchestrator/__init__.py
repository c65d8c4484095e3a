"""The orchestrator: takes messages, owns the queue and the leases. Plans, runs and explains nothing itself."""
