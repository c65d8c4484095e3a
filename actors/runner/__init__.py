"""The runner: one leased attempt in one sandbox, then gone. It decides nothing and speaks to no forge."""
