"""What a kill costs: how much later work is done, what is done twice, and how soon a lost runner is noticed.

`killed`: 25 runs, of which 5 run at a time, each for `JOB_S` seconds. Once undisturbed; then what is named is killed
with SIGKILL while 5 run, and the server is started again at once. `api`: the process that `delta up` started. `control
plane`: that, Redis, and every actor but the runner controller, without which Ray ends its runners. `everything`: Ray
and with it the runners too. `started_twice` counts jobs that began more than once.

`runner_lost`: from the kill of a runner to its job being queued again; from its stop (SIGSTOP: Ray notices nothing) to
the same by the end of its lease.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster.store.store import Store
from models.events import EventKind
from models.ids import RunId
from tests.bench.figures import show, spread
from tests.bench.pushes import SETTINGS, Pushes, post
from tests.e2e.forge.githttp import serving
from tests.e2e.server import Delta, delta
from tests.fault.processes import actors, part

RUNS = 25
AT_ONCE = 5
JOB_S = 3
LOST = 10
LEASE_S = 15.0
_SLEEP = f"""
version: 1
jobs:
  sleep:
    run: sleep {JOB_S}
    resources: {{cpus: {2 / AT_ONCE}, memory_mb: 256, workspace_mb: 32}}
"""
_LONG = _SLEEP.replace(f"sleep {JOB_S}", "sleep 60")
_CONTROL = ("OrchestratorActor", "SupervisorActor", "PlannerActor", "AnalyzerActor", "ReporterActor")


def kill_api(server: Delta) -> None:
    """What `delta up` started."""
    part(server, "api").kill()


def kill_control_plane(server: Delta) -> None:
    """All that decides; what works goes on."""
    for process in [part(server, "redis"), *(each for name in _CONTROL for each in actors(server, name))]:
        process.kill()
    kill_api(server)


KILLS: dict[str, Callable[[Delta], None]] = {
    "api": kill_api,
    "control plane": kill_control_plane,
    "everything": Delta.kill,
}


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as git_server:
        pushes = Pushes.make(Path(folder, "sleep"), git_server, _SLEEP)
        undisturbed = _work(pushes, None)
        for name, kill in KILLS.items():
            spent, lost, twice = _work(pushes, kill)
            show(
                "killed_with_5_running_and_20_queued",
                killed=name,
                runs=RUNS,
                later_s=round(spent - undisturbed[0], 2),
                undisturbed_s=round(undisturbed[0], 2),
                lost=lost,
                started_twice=twice,
            )
        long = Pushes.make(Path(folder, "long"), git_server, _LONG)
        _lost(long)


def _work(pushes: Pushes, kill: Callable[[Delta], None] | None) -> tuple[float, int, int]:
    """Seconds until all is done, how many runs did not pass, how many jobs began more than once."""
    with delta(SETTINGS) as server:
        server.up()
        begun = time.monotonic()
        runs = [post(server.client, pushes.push())[0] for _ in range(RUNS)]
        if kill is not None:
            asyncio.run(_running(server, runs, AT_ONCE))
            kill(server)
            server.up()
        ended = [server.settled(run) for run in runs]
        spent = time.monotonic() - begun
        twice = asyncio.run(_begun(server, runs))
    return spent, sum(run.state != "passed" for run in ended), sum(count > 1 for count in twice.values())


def _lost(pushes: Pushes) -> None:
    with delta(SETTINGS) as server:
        server.up()
        killed = [_until_queued_again(server, pushes, stop=False) for _ in range(LOST)]
        stopped = [_until_queued_again(server, pushes, stop=True) for _ in range(LOST // 2)]
    show("lost_runner_queued_again_s", by="ray", runs=len(killed), **spread(killed))
    show("lost_runner_queued_again_s", by="expiry", runs=len(stopped), ttl_s=LEASE_S, **spread(stopped))


def _until_queued_again(server: Delta, pushes: Pushes, *, stop: bool) -> float:
    run, _ = post(server.client, pushes.push())
    asyncio.run(_running(server, [run], 1))
    [runner] = [each for each in actors(server, "ray::runner-") if "IDLE" not in " ".join(each.cmdline())]
    begun = time.time()
    runner.suspend() if stop else runner.kill()
    at = asyncio.run(_event(server, run, EventKind.JOB_RETRIED))
    if stop:
        runner.kill()
    server.client.post(f"/v1/runs/{run}/cancel").raise_for_status()
    server.settled(run)
    return at - begun


async def _running(server: Delta, runs: Sequence[RunId], count: int) -> None:
    """Returns when so many of them run."""
    begun = [asyncio.create_task(_event(server, run, EventKind.JOB_STARTED)) for run in runs]
    for number, done in enumerate(asyncio.as_completed(begun), 1):
        await done
        if number == count:
            break
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


async def _begun(server: Delta, runs: Sequence[RunId]) -> dict[RunId, int]:
    """How often a job of each began."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    try:
        events = {run: await store.runs.events(run) for run in runs}
        return {run: sum(event.kind is EventKind.JOB_STARTED for _, event in found) for run, found in events.items()}
    finally:
        await store.close()


async def _event(server: Delta, run: RunId, kind: EventKind) -> float:
    """When this happened to a run, as soon as it has."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    after = "0"
    try:
        while True:
            for entry, event in await store.runs.events(run, after=after, block_ms=20_000):
                after = entry
                if event.kind is kind:
                    return event.at
    finally:
        await store.close()


if __name__ == "__main__":
    main()
