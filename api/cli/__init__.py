"""The command line `delta`: one file a verb, each a thin shell over what the other folders offer."""
