"""What one lease call costs with 100, 10,000 and 100,000 attempts queued: the orchestrator itself, store in memory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from actors.handles import RunnersHandle, Supervisors
from actors.orchestrator.actor import Orchestrator
from cluster.store.store import Store
from cluster.vault import Vault
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, JobId, RunnerId
from models.job import JobSpec, Resources
from models.lifecycle.create import create, planned
from models.plan import Plan, PlannedJob, Reason
from models.settings import Settings
from tests.bench.figures import show, spread

DEPTHS = (100, 10_000, 100_000)
CALLS = 100
_JOBS_A_RUN = 10


class _Deaf:
    """Stands for actors that are told things and answer nothing."""

    def __getattr__(self, name: str) -> _Deaf:
        return self

    def remote(self, *_: object) -> None:
        """A call."""


async def main() -> None:
    """Measures and prints."""
    for depth in DEPTHS:
        show("lease_call_s", queued=depth, calls=CALLS, **spread(await _lease_calls(depth)))


async def _lease_calls(depth: int) -> list[float]:
    store = Store.in_memory()
    for number in range(depth // _JOBS_A_RUN):
        first = await store.runs.commit(create(_change(number), float(number)))
        decision = planned(first, _plan(), float(number))
        assert decision is not None
        await store.runs.commit(decision)
    orchestrator = Orchestrator(
        Settings(),
        store,
        Vault(Path("never/read")),
        "bench",
        Supervisors((_Deaf(),), store.owners, Settings().ownership.ttl_s),
        RunnersHandle(_Deaf()),
    )
    await orchestrator.start()
    spent = []
    for number in range(CALLS):
        begun = time.perf_counter()
        grant = await orchestrator.lease(RunnerId(f"runner-{number}"), Resources().shape, 0.0)
        spent.append(time.perf_counter() - begun)
        assert grant is not None
    await orchestrator.stop()
    return spent


def _change(number: int) -> Change:
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository=f"bench/{number % 50}",
        clone_url="/nowhere",
        head=CommitId(f"{number:040x}"),
    )


def _plan() -> Plan:
    reason = Reason(rule="bench", evidence="bench")
    jobs = [JobSpec(id=JobId(f"job{number}"), run=("true",)) for number in range(_JOBS_A_RUN)]
    planned_jobs = tuple(PlannedJob(spec=job, reasons=(reason,)) for job in jobs)
    return Plan(head=CommitId("0" * 40), merge_base=None, changed=(), source="bench", jobs=planned_jobs).sealed()


if __name__ == "__main__":
    asyncio.run(main())
