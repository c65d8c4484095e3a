"""Hostile code in, results out: containers, source mirrors, logs and artifacts. Decides nothing about a run."""
