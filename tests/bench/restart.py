"""How long a start takes with 1,000 unfinished runs: until every one is held by a supervisor and offered to runners.

The runs are written as a server leaves them: planned, one attempt queued and a job blocked behind it, with nothing left
in the outbox, and some not planned yet. They ask for more CPUs than there are, so that none of them ends meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from cluster.embedded.redis_server import RedisServer
from cluster.store.store import RedisStore, Store
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, JobId, RunId
from models.job import JobSpec, Resources
from models.lifecycle.create import create, planned
from models.machines import RunState
from models.plan import Plan, PlannedJob, Reason
from tests.bench.figures import show
from tests.e2e.repositories import git
from tests.e2e.server import delta

RUNS = 1_000
UNPLANNED = 50
_CONFIG = "version: 1\njobs:\n  huge:\n    run: 'true'\n    resources: {cpus: 64}\n"


def main() -> None:
    """Measures and prints."""
    with delta() as server, tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(server.state_dir, server.state_dir / "run")
        redis.ensure()
        runs = asyncio.run(_leave(redis.url, _repository(Path(folder, "huge"))))
        redis.stop()
        begun = time.monotonic()
        server.up()
        up = time.monotonic() - begun
        asyncio.run(_resumed(redis.url, runs))
        spent = time.monotonic() - begun
    show("restart_with_unfinished_runs", runs=RUNS, up_s=round(up, 2), all_resumed_s=round(spent, 2))


def _repository(folder: Path) -> tuple[Path, CommitId]:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".delta.yml").write_text(_CONFIG)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=first")
    return folder, CommitId(git(folder, "rev-parse", "HEAD"))


async def _leave(url: str, repository: tuple[Path, CommitId]) -> list[RunId]:
    store = Store.connect(url)
    runs = []
    try:
        for number in range(RUNS):
            run = await store.runs.commit(create(_change(repository, number), time.time()))
            runs.append(run.id)
            if number >= UNPLANNED:
                decision = planned(run, _plan(repository[1]), time.time())
                assert decision is not None
                await store.runs.commit(decision)
                await store.runs.performed(run.id, [entry for entry, _ in await store.runs.outbox(run.id)])
        return runs
    finally:
        await store.close()


async def _resumed(url: str, runs: list[RunId]) -> None:
    """Returns when each run is held, planned, and has nothing left in its outbox."""
    store = Store.connect(url)
    try:
        waiting = set(runs)
        while waiting:
            for run in list(waiting):
                if await _is_resumed(store, run):
                    waiting.remove(run)
    finally:
        await store.close()


async def _is_resumed(store: RedisStore, run: RunId) -> bool:
    held = await store.redis.exists(f"delta:{{{run}}}:owner")
    if not held or await store.runs.outbox(run):
        return False
    return (await store.runs.load(run)).state is RunState.RUNNING


def _change(repository: tuple[Path, CommitId], number: int) -> Change:
    folder, head = repository
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository=f"bench/{number % 50}",
        clone_url=str(folder),
        head=head,
        nonce=str(number),
    )


def _plan(head: CommitId) -> Plan:
    reason = Reason(rule="bench", evidence="bench")
    first = JobSpec(id=JobId("first"), run=("true",), resources=Resources(cpus=64.0))
    second = JobSpec(id=JobId("second"), run=("true",), needs=(JobId("first"),))
    jobs = tuple(PlannedJob(spec=job, reasons=(reason,)) for job in (first, second))
    return Plan(head=head, merge_base=None, changed=(), source="bench", jobs=jobs).sealed()


if __name__ == "__main__":
    main()
