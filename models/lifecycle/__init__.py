"""Every decision about a run, pure: a record, what happened and the time in; a new record, events and commands out.

A function returns None for a duplicate (already so: nothing to do), raises `StaleWrite` for a token that no longer
holds (a normal race) and `IllegalTransition` for what must never happen (a bug). The orchestrator and the supervisors
call these; the store commits what they return.
"""
