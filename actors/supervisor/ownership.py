"""Which supervisor owns a run: rendezvous hashing over those that live, so that a death moves the dead one's runs only.

Pure. What one observer believes may be wrong for a moment; the store's fence (`models/fence.py`) keeps a wrong belief
from doing more than wasting work.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from models.ids import RunId


def owner(run: RunId, live: Collection[str]) -> str | None:
    """The one of `live` that owns the run, the same for everybody who thinks the same live; None when nobody lives.

    The highest of a digest of both names wins (rendezvous hashing, Thaler and Ravishankar 1998): another one's coming
    or going changes nothing between two that stay.
    """
    return max(live, key=lambda name: hashlib.sha256(f"{name}\0{run}".encode()).digest(), default=None)


def heard(pool: Collection[str], ages: Mapping[str, float], ttl_s: float) -> frozenset[str]:
    """Those of the pool that said within the term that they live: a guess, for somebody who does not watch."""
    return frozenset(name for name in pool if ages.get(name, math.inf) < ttl_s)


@dataclass(frozen=True)
class Watch:
    """How long an observer has been watching without a gap. Times are its own monotonic seconds.

    Somebody who was silent counts as dead only after it was *watched* being silent for the whole term: after a start,
    or after the store was away, nobody has said anything for long, and that says nothing about who lives.
    """

    ttl_s: float
    since: float
    last: float

    @classmethod
    def begun(cls, ttl_s: float, now: float) -> Watch:
        """The observer has just begun."""
        return cls(ttl_s, now, now)

    def looked(self, now: float) -> Watch:
        """The observer has heard the ages again. After a gap of a whole term it begins anew."""
        gap = now - self.last > self.ttl_s
        return replace(self, since=now if gap else self.since, last=now)

    def live(self, pool: Collection[str], ages: Mapping[str, float]) -> frozenset[str]:
        """Those of the pool that live, for all that is known at the last look. Ages in seconds, by name."""
        if self.last - self.since < self.ttl_s:
            return frozenset(pool)
        return heard(pool, ages, self.ttl_s)

    def current(self, now: float) -> bool:
        """Whether what was heard last is still worth anything."""
        return now - self.last <= self.ttl_s
