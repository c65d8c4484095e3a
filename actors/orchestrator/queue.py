"""The queue of attempts, pure: whose turn it is when a runner of some shape asks. Taking one is cheap at any length.

First by priority: who waits for the verdict. Within one, repositories take turns, so that one with a thousand jobs
holds up no other. Within a repository the oldest run comes first, and within that its oldest attempt.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field

from models.ids import AttemptId, JobId, RunId
from models.job import Concurrency


@dataclass(frozen=True, order=True)
class Offer:
    """An attempt that waits for a runner. Ordered by the run's age, then by its own."""

    run_created_at: float
    queued_at: float
    attempt: AttemptId = field(compare=True)
    run: RunId = field(compare=False)
    job: JobId = field(compare=False)
    shape: str = field(compare=False)
    repository: str = field(compare=False, default="")
    priority: int = field(compare=False, default=0)
    concurrency: Concurrency | None = field(compare=False, default=None)


class Queue:
    """Offers by shape. The same attempt is in it at most once."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._waiting: dict[AttemptId, Offer] = {}
        self._depths: Counter[str] = Counter()
        self._awaited = 0

    def put(self, offer: Offer) -> bool:
        """Adds an offer. False when its attempt waits already."""
        if offer.attempt in self._waiting:
            return False
        self._waiting[offer.attempt] = offer
        self._depths[offer.shape] += 1
        self._awaited += offer.priority >= 0
        self._lines.setdefault(offer.shape, _Line()).put(offer)
        return True

    def take(self, shape: str) -> Offer | None:
        """Removes and returns the offer of a shape whose turn it is."""
        line = self._lines.get(shape)
        while line is not None and (offer := line.take(self._waiting)) is not None:
            return self.withdraw(offer.attempt)
        return None

    def withdraw(self, attempt: AttemptId) -> Offer | None:
        """Takes an attempt out wherever it stands; None when it does not wait."""
        offer = self._waiting.pop(attempt, None)
        if offer is not None:
            self._depths[offer.shape] -= 1
            self._awaited -= offer.priority >= 0
        return offer

    def depth(self, shape: str) -> int:
        """How many wait for a runner of this shape."""
        return self._depths[shape]

    @property
    def awaited(self) -> bool:
        """Whether any of these is of a run that somebody waits for, or might."""
        return self._awaited > 0

    def __contains__(self, attempt: AttemptId) -> bool:
        """Whether an attempt waits."""
        return attempt in self._waiting


_Place = tuple[int, str]


class _Line:
    """One shape's offers: a heap for each priority and repository, and a heap of whose turn it is among those.

    A repository's time moves on by one with each offer it gets taken; the one whose time is least is next. One that
    comes back after a pause starts at the present time: it saves up no turns.
    """

    def __init__(self) -> None:
        self._offers: dict[_Place, list[Offer]] = {}
        self._turns: list[tuple[int, float, float, _Place]] = []
        self._times: dict[_Place, float] = {}
        self._now: dict[int, float] = {}

    def put(self, offer: Offer) -> None:
        place = (-offer.priority, offer.repository)
        offers = self._offers.setdefault(place, [])
        heapq.heappush(offers, offer)
        if len(offers) == 1:
            self._queue_turn(place)

    def take(self, waiting: dict[AttemptId, Offer]) -> Offer | None:
        """The next offer that still waits. Withdrawn ones are dropped here: to search them out costs the length."""
        while self._turns:
            _, time, _, place = heapq.heappop(self._turns)
            offers = self._offers[place]
            while offers and waiting.get(offers[0].attempt) is not offers[0]:
                heapq.heappop(offers)
            if not offers:
                del self._offers[place]
                continue
            offer = heapq.heappop(offers)
            self._now[place[0]] = time
            self._times[place] = time + 1
            if offers:
                self._queue_turn(place)
            else:
                del self._offers[place]
            return offer
        return None

    def _queue_turn(self, place: _Place) -> None:
        time = max(self._times.get(place, 0.0), self._now.get(place[0], 0.0))
        # Of two whose time is the same, the one with the older run.
        heapq.heappush(self._turns, (place[0], time, self._offers[place][0].run_created_at, place))
