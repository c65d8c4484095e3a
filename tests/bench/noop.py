"""From trigger to result: a signed webhook is posted to a server; the clock stops when its run has ended.

Measured twice: on an idle server (the last run ended `IDLE_S` seconds ago), and one right after another.

The change's one job does nothing, so what is measured is Delta: inbox, git fetch, plan, queue, lease, sandbox, result.
Prints JSON: seconds, p50 and p95 of `runs` runs after one warm-up each. `stages` are the medians of its parts, from the
run's own events.
The floor beside it is `docker run` of `true` under the same runtime, measured in the same session.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from cluster.host.engine import connect, engine
from cluster.host.runtime import RUNTIME
from cluster.images.catalog import resolve
from cluster.store.store import Store
from models.events import EventKind
from models.ids import RunId
from tests.bench.figures import show, spread
from tests.bench.pushes import SETTINGS, Pushes, post
from tests.e2e.forge.githttp import serving
from tests.e2e.server import Delta, delta

RUNS = 20
IDLE_S = 2.0
_STAGES = (
    ("trigger_to_planned", None, EventKind.RUN_PLANNED),
    ("planned_to_leased", EventKind.RUN_PLANNED, EventKind.JOB_LEASED),
    ("leased_to_started", EventKind.JOB_LEASED, EventKind.JOB_STARTED),
    ("started_to_finished", EventKind.JOB_STARTED, EventKind.RUN_FINISHED),
)


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder, engine() as docker_url, serving(Path(folder)) as git_server:
        pushes = Pushes.make(Path(folder, "noop"), git_server)
        with delta(SETTINGS) as server:
            server.up()
            measured = {
                name: [_sample(server, pushes, pause_s) for _ in range(RUNS + 1)][1:]
                for name, pause_s in (("idle", IDLE_S), ("one_after_another", 0.0))
            }
        floor = [_floor_s(docker_url) for _ in range(RUNS)]
    for name, samples in measured.items():
        show(
            f"trigger_to_result_of_a_noop_job_{name}",
            runs=RUNS,
            total_s=spread([sample["total"] for sample in samples]),
            answered_202_s=spread([sample["answered"] for sample in samples]),
            stages_p50_s={stage: spread([sample[stage] for sample in samples])["p50"] for stage, _, _ in _STAGES},
            docker_run_true_s=spread(floor),
        )


def _sample(server: Delta, pushes: Pushes, pause_s: float) -> dict[str, float]:
    body = pushes.push()
    time.sleep(pause_s)
    begun_at, begun = time.time(), time.monotonic()
    run, answered = post(server.client, body)
    at = asyncio.run(_ended(server, run))
    sample = {"total": time.monotonic() - begun, "answered": answered}
    for name, first, last in _STAGES:
        sample[name] = at[last] - (at[first] if first else begun_at)
    return sample


async def _ended(server: Delta, run: RunId) -> dict[EventKind, float]:
    """When what happened, once the run has ended. Raises when it did not pass."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    seen: dict[EventKind, float] = {}
    after = "0"
    try:
        while EventKind.RUN_FINISHED not in seen:
            for entry, event in await store.runs.events(run, after=after, block_ms=20_000):
                after, seen[event.kind] = entry, event.at
        record = await store.runs.load(run)
        assert record.state == "passed", record
        return seen
    finally:
        await store.close()


def _floor_s(docker_url: str) -> float:
    client = connect(docker_url)
    try:
        begun = time.monotonic()
        client.containers.run(resolve("runner-python"), ["true"], runtime=RUNTIME, network_mode="none", remove=True)
        return time.monotonic() - begun
    finally:
        client.close()


if __name__ == "__main__":
    main()
