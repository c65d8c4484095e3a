"""Typed handles of the actors. Whoever calls an actor calls it through here, so that no call is a string in the air.

Calls without `async` are one-way: they tell and do not wait, and a lost one is made good by a reconcile tick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from ray.exceptions import RayError, RayTaskError

from models.change import Change
from models.errors import DeltaError, InfrastructureError, InternalError
from models.failure import Explanation
from models.grant import Grant
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId
from models.plan import Plan, Resources
from models.result import AttemptResult

# Ray types an actor's methods as Any: this module is where that ends.
Actor = Any

NAMESPACE = "delta"
ORCHESTRATOR = "orchestrator"
PLANNER = "planner"
ANALYZER = "analyzer"
REPORTER = "reporter"
RUNNERS = "runners"


async def asked(answer: Awaitable[Any]) -> Any:  # noqa: ANN401 - see Actor
    """What an actor answers; what it raised, as it raised it; what Ray raised, as `InfrastructureError`."""
    try:
        return await answer
    except RayTaskError as error:
        if isinstance(error.cause, DeltaError):
            raise error.cause from error
        raise InternalError(f"an actor failed: {error.cause!r}", remedy="its log has the trace") from error
    except RayError as error:
        message = f"an actor did not answer: {type(error).__name__}: {error}".splitlines()[0]
        raise InfrastructureError(message, remedy="Ray starts it anew; `delta status` shows it") from error


def supervisor_name(number: int) -> str:
    """`supervisor-0`, `supervisor-1` …"""
    return f"supervisor-{number}"


@dataclass(frozen=True)
class OrchestratorHandle:
    """See `orchestrator/actor.py`."""

    actor: Actor

    async def offer(self, run: RunId, job: JobId, attempt: AttemptId) -> None:
        """An attempt may be taken."""
        await asked(self.actor.offer.remote(run, job, attempt))

    async def withdraw(self, attempt: AttemptId) -> None:
        """An attempt was cancelled."""
        await asked(self.actor.withdraw.remote(attempt))

    async def lease(self, runner: RunnerId, shape: str, wait_s: float) -> Grant | None:
        """The next attempt of a shape."""
        grant: Grant | None = await asked(self.actor.lease.remote(runner, shape, wait_s))
        return grant

    async def queued(self, shape: str) -> int:
        """How many attempts wait for a runner of this shape."""
        return int(await asked(self.actor.queued.remote(shape)))

    async def begin(self, grant: Grant) -> bool:
        """The sandbox is ready."""
        return bool(await asked(self.actor.begin.remote(grant)))

    async def renew(self, attempt: AttemptId, token: LeaseToken, wait_s: float) -> bool:
        """Go on, or stop."""
        return bool(await asked(self.actor.renew.remote(attempt, token, wait_s)))

    async def finish(self, grant: Grant, result: AttemptResult) -> bool:
        """The result."""
        return bool(await asked(self.actor.finish.remote(grant, result)))

    async def give_back(self, grant: Grant) -> bool:
        """Somebody else shall take it."""
        return bool(await asked(self.actor.give_back.remote(grant)))

    async def runner_lost(self, runner: RunnerId, why: str) -> None:
        """A runner is gone."""
        await asked(self.actor.runner_lost.remote(runner, why))


@dataclass(frozen=True)
class Supervisors:
    """The pool. A run belongs to one of them, always the same for a given size of the pool."""

    actors: tuple[Actor, ...]

    def carry(self, run: RunId) -> None:
        """Something was committed for this run: perform it."""
        self.actors[owner(run, len(self.actors))].carry.remote(run)


def owner(run: RunId, supervisors: int) -> int:
    """Which of so many supervisors owns a run."""
    return int(hashlib.sha256(run.encode()).hexdigest()[:8], 16) % supervisors


@dataclass(frozen=True)
class PlannerHandle:
    """See `planner/actor.py`."""

    actor: Actor

    async def plan(self, change: Change) -> Plan:
        """The plan of a change; raises what the planner raises."""
        plan: Plan = await asked(self.actor.plan.remote(change))
        return plan


@dataclass(frozen=True)
class AnalyzerHandle:
    """See `analyzer/actor.py`."""

    actor: Actor

    async def explain(self, run: RunId, job: JobId, attempt: AttemptId) -> Explanation:
        """The explanation of a failed attempt."""
        explanation: Explanation = await asked(self.actor.explain.remote(run, job, attempt))
        return explanation

    async def note_fix(self, run: RunId, job: JobId) -> None:
        """A job passes."""
        await asked(self.actor.note_fix.remote(run, job))


@dataclass(frozen=True)
class RunnersHandle:
    """See `runners/actor.py`."""

    actor: Actor

    def wanted(self, resources: Resources, queued: int) -> None:
        """So many attempts wait for runners of this shape."""
        self.actor.wanted.remote(resources, queued)

    def taken(self, runner: RunnerId) -> None:
        """This runner has work: it no longer counts as waiting."""
        self.actor.taken.remote(runner)
