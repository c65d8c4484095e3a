"""The machine under Delta: packages, the Docker engine and proofs that each part works. No job is known here."""
