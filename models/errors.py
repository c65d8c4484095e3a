"""One tree of errors, split by whose fault it is, so that a surface can answer without inspecting messages.

A message names what was wrong, where, and what to do. `remedy` is the "what to do" as its own sentence, so that a table
(`delta doctor`) or a JSON answer can show it apart.
"""

from __future__ import annotations


class DeltaError(Exception):
    """Any error Delta raises on purpose."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message} ({self.remedy})" if self.remedy else message


class CallerError(DeltaError):
    """Whoever called asked for something that cannot be: an unknown run, a bad revision, a malformed body."""


class NotFound(CallerError):
    """The thing asked for does not exist."""


class ChangeError(DeltaError):
    """The change under test is at fault: its configuration does not parse, its policy asks for too much."""


class InfrastructureError(DeltaError):
    """Something Delta stands on failed: Docker, Redis, Ray, git, the network, the forge."""


class InternalError(DeltaError):
    """Delta itself is wrong. Never expected; always worth a report."""


class IllegalTransition(InternalError):
    """A state machine was asked for an edge that its table does not have."""


class StaleWrite(DeltaError):
    """A record's version or a lease's token is no longer the current one: a normal race, refused and logged."""


class VersionConflict(StaleWrite):
    """Somebody else committed the record first: load it again and decide again."""
