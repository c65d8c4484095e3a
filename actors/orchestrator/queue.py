"""The queue of attempts, pure: one line per capability shape, oldest run first; taking one is cheap at any length."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from models.ids import AttemptId, JobId, RunId


@dataclass(frozen=True, order=True)
class Offer:
    """An attempt that waits for a runner. Ordered by the run's age, then by its own."""

    run_created_at: float
    queued_at: float
    attempt: AttemptId = field(compare=True)
    run: RunId = field(compare=False)
    job: JobId = field(compare=False)
    shape: str = field(compare=False)


class Queue:
    """Offers by shape. The same attempt is in it at most once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Offer]] = {}
        self._waiting: dict[AttemptId, Offer] = {}
        self._depths: Counter[str] = Counter()

    def put(self, offer: Offer) -> bool:
        """Adds an offer. False when its attempt waits already."""
        if offer.attempt in self._waiting:
            return False
        self._waiting[offer.attempt] = offer
        self._depths[offer.shape] += 1
        heapq.heappush(self._lines.setdefault(offer.shape, []), offer)
        return True

    def take(self, shape: str) -> Offer | None:
        """Removes and returns the first offer of a shape."""
        line = self._lines.get(shape, [])
        while line:
            offer = heapq.heappop(line)
            # Withdrawn offers stay in the heap until they come up: removing from the middle would cost its length.
            if self._waiting.get(offer.attempt) is offer:
                return self.withdraw(offer.attempt)
        return None

    def withdraw(self, attempt: AttemptId) -> Offer | None:
        """Takes an attempt out wherever it stands; None when it does not wait."""
        offer = self._waiting.pop(attempt, None)
        if offer is not None:
            self._depths[offer.shape] -= 1
        return offer

    def depth(self, shape: str) -> int:
        """How many wait for a runner of this shape."""
        return self._depths[shape]
