"""Every fact that must survive, in Redis. The key schema is in `keys.py`; nothing else in Delta speaks to Redis."""
