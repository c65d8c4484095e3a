"""What forges send: verified by signature and parsed into a `Change`. Nothing here reads or writes anything."""
