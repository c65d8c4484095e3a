"""The components: in each folder pure decisions (`decide.py`) and thin Ray shells (`actor.py`). No HTTP."""
