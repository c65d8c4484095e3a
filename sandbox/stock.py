"""How many sandboxes should wait, and of which kinds: pure policy. `pool.py` carries it out.

A kind is a `SandboxSpec`: image, runtime and sizes. Of each kind that is asked for, as many wait as were asked for
within the last minute, at least one, at most `per_shape`; none once nobody has asked for `FORGET_S`, except of the kind
that was asked for last: an idle node starts its next job fast too. Where all together are more than may be, the kinds
that were asked for last come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from sandbox.spec import SandboxSpec

RECENT_S = 60.0
FORGET_S = 600.0
# What an idle gVisor sandbox takes of the node with its gofer and shim, measured; rounded up.
IDLE_MB = 64
# The part of the node's free memory that may wait instead of work: one in so many MB.
MEMORY_PART = 8


class Bounds(NamedTuple):
    """At most so many of one kind, and in all."""

    per_shape: int
    total: int

    def within(self, available_mb: int) -> Bounds:
        """The same, on a node with so much memory to give away: those that wait must not crowd out those that work."""
        return self._replace(total=min(self.total, available_mb // MEMORY_PART // IDLE_MB))


class Demand:
    """When each kind was asked for. Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._asked: dict[SandboxSpec, deque[float]] = {}  # in the order of the last question

    def note(self, spec: SandboxSpec, now: float) -> None:
        """Somebody asks for one of these."""
        times = self._asked.pop(spec, deque())
        times.append(now)
        while now - times[0] > RECENT_S:
            times.popleft()
        self._asked[spec] = times

    def forget(self, spec: SandboxSpec) -> None:
        """It cannot be made."""
        self._asked.pop(spec, None)

    def wanted(self, bounds: Bounds, now: float) -> dict[SandboxSpec, int]:
        """How many of each kind should wait. What is not in it should not."""
        last = next(reversed(self._asked), None)
        self._asked = {spec: times for spec, times in self._asked.items() if spec == last or now - times[-1] < FORGET_S}
        wanted: dict[SandboxSpec, int] = {}
        left = bounds.total
        for spec, times in reversed(self._asked.items()):
            recent = sum(now - at <= RECENT_S for at in times)
            count = min(max(recent, 1), bounds.per_shape, left)
            if count > 0:
                wanted[spec] = count
                left -= count
        return wanted


def missing(wanted: Mapping[SandboxSpec, int], waiting: Mapping[SandboxSpec, int]) -> SandboxSpec | None:
    """The kind to make one of next: the first that has none, else the first that has too few."""
    short = [spec for spec, count in wanted.items() if waiting.get(spec, 0) < count]
    return next((spec for spec in short if not waiting.get(spec, 0)), short[0] if short else None)


def surplus(wanted: Mapping[SandboxSpec, int], waiting: Mapping[SandboxSpec, int]) -> dict[SandboxSpec, int]:
    """How many of each kind wait for nobody."""
    return {spec: count - wanted.get(spec, 0) for spec, count in waiting.items() if count > wanted.get(spec, 0)}
