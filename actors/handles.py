"""Typed handles of the actors. Whoever calls an actor calls it through here, so that no call is a string in the air.

Calls without `async` are one-way: they tell and do not wait, and a lost one is made good by a reconcile tick.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayError, RayTaskError

from actors.background import Background
from actors.supervisor.ownership import heard, owner
from models.change import Change
from models.errors import DeltaError, InfrastructureError, InternalError
from models.failure import Explanation
from models.grant import Grant
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId
from models.job import Resources
from models.plan import Plan
from models.ports import Owners
from models.proposal import Proposal
from models.result import AttemptResult
from models.secret import HandedOut
from models.terminal import TerminalGrant, Typed
from sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from models.embedding.index import Vector  # numpy, which most actors do not need

log = logging.getLogger(__name__)

# How long it is believed who lives before it is asked again, in seconds.
_BELIEF_S = 1.0

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


def pool_name(node: str) -> str:
    """`pool-` and Ray's id of the node whose warm sandboxes it has."""
    return f"pool-{node}"


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

    async def lease(self, runner: RunnerId, shape: str, wait_s: float, node: str = "") -> Grant | None:
        """The next attempt of a shape."""
        grant: Grant | None = await asked(self.actor.lease.remote(runner, shape, wait_s, node))
        return grant

    async def queued(self, shape: str) -> int:
        """How many attempts wait for a runner of this shape."""
        return int(await asked(self.actor.queued.remote(shape)))

    async def holds(self, attempt: AttemptId) -> bool:
        """Whether somebody carries this attempt."""
        return bool(await asked(self.actor.holds.remote(attempt)))

    async def secrets(self, attempt: AttemptId, token: LeaseToken) -> HandedOut:
        """The job's secrets."""
        handed_out: HandedOut = await asked(self.actor.secrets.remote(attempt, token))
        return handed_out

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

    async def typed(self, session: AttemptId, after: str) -> tuple[str, list[Typed]] | None:
        """What was typed into a terminal."""
        found: tuple[str, list[Typed]] | None = await asked(self.actor.typed.remote(session, after))
        return found

    async def terminal_over(self, session: AttemptId, why: str) -> None:
        """The runner of a terminal has ended."""
        await asked(self.actor.terminal_over.remote(session, why))


class Supervisors:
    """The pool. Tells a run's believed owner; a wrong belief costs a reconcile tick and nothing else."""

    def __init__(self, actors: Sequence[Actor], owners: Owners, ttl_s: float) -> None:
        self._actors = {supervisor_name(number): actor for number, actor in enumerate(actors)}
        self._owners = owners
        self._ttl_s = ttl_s
        self._asked_at = -_BELIEF_S
        self._live = frozenset(self._actors)
        self._look: asyncio.Task[None] | None = None
        self._telling = Background()

    def carry(self, run: RunId) -> None:
        """Something was committed for this run: perform it. Looks first who lives, if that was some time ago."""
        if time.monotonic() - self._asked_at < _BELIEF_S:
            self._tell(run)
        else:
            self._telling.spawn(self._look_and_tell(run))

    async def _look_and_tell(self, run: RunId) -> None:
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().create_task(self._ask_who_lives())
        await asyncio.shield(self._look)
        self._tell(run)

    async def _ask_who_lives(self) -> None:
        try:
            ages = await self._owners.ages()
        except InfrastructureError as error:
            log.warning("who lives is not known, as before: %s", error)
            return
        self._asked_at = time.monotonic()
        # When all are silent, it was not they who died: as good a belief as any.
        self._live = heard(self._actors.keys(), ages, self._ttl_s) or frozenset(self._actors)

    def _tell(self, run: RunId) -> None:
        believed = owner(run, self._live)
        if believed is not None:
            self._actors[believed].carry.remote(run)


@dataclass(frozen=True)
class PlannerHandle:
    """See `planner/actor.py`."""

    actor: Actor

    async def plan(self, change: Change) -> Plan:
        """The plan of a change; raises what the planner raises."""
        plan: Plan = await asked(self.actor.plan.remote(change))
        return plan

    async def mend(self, change: Change) -> Proposal | None:
        """What may be proposed for a configuration that cannot be read."""
        proposal: Proposal | None = await asked(self.actor.mend.remote(change))
        return proposal

    async def learn(self, run: RunId) -> Change | None:
        """A run has ended; the change of the audit that is to follow."""
        audit: Change | None = await asked(self.actor.learn.remote(run))
        return audit


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

    async def rewritten(self, probe: RunId) -> str:
        """The patch to the snapshots that a probe has written anew."""
        return str(await asked(self.actor.rewritten.remote(probe)))

    async def encode(self, texts: Sequence[str]) -> Vector:
        """Their embeddings, one row each."""
        vectors: Vector = await asked(self.actor.encode.remote(list(texts)))
        return vectors


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

    def open_terminal(self, grant: TerminalGrant) -> None:
        """Somebody wants to look into such a sandbox."""
        self.actor.open_terminal.remote(grant)


@dataclass(frozen=True)
class PoolHandle:
    """See `pool/actor.py`."""

    actor: Actor

    async def take(self, spec: SandboxSpec, attempt: AttemptId) -> str | None:
        """A warm sandbox, which now belongs to the attempt."""
        taken: str | None = await asked(self.actor.take.remote(spec, attempt))
        return taken
