"""Source code of any origin, held in bare mirrors and read through git's plumbing. Nothing is ever checked out here."""
