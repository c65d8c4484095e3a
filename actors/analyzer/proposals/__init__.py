"""What may be proposed for a failure: small recognisers, each conservative; nothing here runs or applies anything."""
