"""What ends a piece of work from outside: somebody cancels, or its time is up. A guard is called again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from models.errors import InfrastructureError

Guard = Callable[[], None]


class CancelledError(Exception):
    """Somebody no longer wants the result. Never leaves this folder."""


def unless(cancelled: Event) -> Guard:
    """Raises `CancelledError` once it is set."""

    def check() -> None:
        if cancelled.is_set():
            raise CancelledError

    return check


def within(limit_s: float, doing: str, guard: Guard) -> Guard:
    """What `guard` raises, and `InfrastructureError` from now on in so many seconds."""
    deadline = time.monotonic() + limit_s

    def check() -> None:
        guard()
        if time.monotonic() > deadline:
            raise InfrastructureError(f"{doing} took longer than {limit_s:g} s")

    return check
