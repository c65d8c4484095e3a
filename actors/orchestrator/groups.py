"""Concurrency groups, pure: who of a group may be queued for runners, and who waits for another to end.

An attempt takes its place in the group before it is queued and keeps it until it has ended. Nothing that holds a place
waits for anything but a runner, so groups cannot block each other. The line is first in first out by the creation of
the runs.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from enum import Enum

from actors.orchestrator.queue import Offer
from models.ids import AttemptId

_Key = tuple[str, str]


class Admission(Enum):
    """What becomes of an offer."""

    ADMITTED = "admitted"
    WAITS = "waits"
    TURNED_AWAY = "turned away"


class Groups:
    """Places by repository and group name. Attempts without a group are always admitted."""

    def __init__(self) -> None:
        self._holders: defaultdict[_Key, set[AttemptId]] = defaultdict(set)
        self._lines: defaultdict[_Key, list[Offer]] = defaultdict(list)
        self._keys: dict[AttemptId, _Key] = {}

    def admit(self, offer: Offer) -> Admission:
        """Gives the attempt a place, or a place in the line. Asking again changes nothing."""
        if offer.concurrency is None:
            return Admission.ADMITTED
        key = (offer.repository, offer.concurrency.group)
        if self._keys.get(offer.attempt) == key:
            return Admission.ADMITTED if offer.attempt in self._holders[key] else Admission.WAITS
        if len(self._holders[key]) < offer.concurrency.limit and not self._lines[key]:
            self._hold(offer.attempt, key)
            return Admission.ADMITTED
        if not offer.concurrency.queue:
            return Admission.TURNED_AWAY
        self._keys[offer.attempt] = key
        heapq.heappush(self._lines[key], offer)
        return Admission.WAITS

    def occupy(self, offer: Offer) -> None:
        """An attempt that runs already, after a restart: it has its place whatever the limit says."""
        if offer.concurrency is not None:
            self._hold(offer.attempt, (offer.repository, offer.concurrency.group))

    def leave(self, attempt: AttemptId) -> list[Offer]:
        """The attempt has ended, or was withdrawn. Returns those that get a place now."""
        key = self._keys.pop(attempt, None)
        if key is None:
            return []
        self._holders[key].discard(attempt)
        admitted = []
        line = self._lines[key]
        while line and (offer := line[0]).concurrency is not None:
            if self._keys.get(offer.attempt) != key:  # withdrawn while it waited
                heapq.heappop(line)
            elif len(self._holders[key]) < offer.concurrency.limit:
                admitted.append(heapq.heappop(line))
                self._hold(offer.attempt, key)
            else:
                break
        if not line and not self._holders[key]:
            del self._lines[key], self._holders[key]
        return admitted

    def _hold(self, attempt: AttemptId, key: _Key) -> None:
        self._keys[attempt] = key
        self._holders[key].add(attempt)
