"""Which Python tests a change can reach: sources are parsed, never imported. Pure; knows paths and text, no git."""
