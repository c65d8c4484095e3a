"""What a forge is told of a run: rendered, compared with what it was told before, and sent once.

Nothing but this folder writes to a forge.
"""
