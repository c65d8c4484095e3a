"""The leases that are held now, and when each runs out. An index of the store: rebuilt from it after a restart.

Renewing writes nothing: a lease that is lost with the orchestrator gets a full term again, and the token in the record
still fences it. So the worst a crash can do is notice a dead runner one term later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId


@dataclass
class HeldLease:
    """One held lease. `revoked` is set when the runner shall stop."""

    run: RunId
    job: JobId
    attempt: AttemptId
    token: LeaseToken
    runner: RunnerId
    revoked: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None


class LeaseTable:
    """Held leases by attempt. `on_expiry` is called once for a lease whose term ran out."""

    def __init__(self, ttl_s: float, on_expiry: Callable[[HeldLease], None]) -> None:
        self._ttl_s = ttl_s
        self._on_expiry = on_expiry
        self._by_attempt: dict[AttemptId, HeldLease] = {}
        self._by_runner: dict[RunnerId, AttemptId] = {}

    def hold(self, lease: HeldLease) -> None:
        """Adds a lease with a full term, in place of any other on its attempt."""
        self.drop(lease.attempt)
        self._by_attempt[lease.attempt] = lease
        self._by_runner[lease.runner] = lease.attempt
        self._restart(lease)

    def find(self, attempt: AttemptId, token: LeaseToken) -> HeldLease | None:
        """The lease, if it is held by this token."""
        lease = self._by_attempt.get(attempt)
        return lease if lease is not None and lease.token == token else None

    def of_attempt(self, attempt: AttemptId) -> HeldLease | None:
        """The lease on an attempt, whoever holds it."""
        return self._by_attempt.get(attempt)

    def of_runner(self, runner: RunnerId) -> HeldLease | None:
        """What a runner holds."""
        attempt = self._by_runner.get(runner)
        return None if attempt is None else self._by_attempt.get(attempt)

    def renew(self, lease: HeldLease) -> None:
        """A full term from now."""
        self._restart(lease)

    def drop(self, attempt: AttemptId) -> None:
        """Forgets a lease; harmless when there is none."""
        lease = self._by_attempt.pop(attempt, None)
        if lease is not None:
            if self._by_runner.get(lease.runner) == attempt:
                del self._by_runner[lease.runner]
            if lease.timer is not None:
                lease.timer.cancel()

    def _restart(self, lease: HeldLease) -> None:
        if lease.timer is not None:
            lease.timer.cancel()
        lease.timer = asyncio.get_running_loop().call_later(self._ttl_s, self._on_expiry, lease)
