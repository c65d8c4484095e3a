"""The runner controller: turns queued attempts into Ray tasks. It knows no job semantics."""
