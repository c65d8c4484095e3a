"""A burst of 200 runs of one job that does nothing, from the first message to the last result.

Once with the sandbox replaced by the fake, so that what is measured is the control plane and Ray, and once in gVisor,
beside the floor of that: as many gVisor containers that run `true`, made as fast as this machine can. The repository is
a local one, each run judges a commit of its own. Everything else is as in a server: Redis on disk, every actor a
process.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from actors.driver import Driver
from actors.installation import Installation
from actors.site import Site
from cluster.embedded.ray_head import RayHead
from cluster.embedded.redis_server import RedisServer
from cluster.host.engine import connect, engine
from cluster.host.runtime import RUNTIME
from cluster.images.catalog import resolve
from cluster.store.store import Store
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, RunId
from models.inbox import Submit
from models.settings import Settings
from tests.bench.fake_runner import body
from tests.bench.figures import show
from tests.bench.pushes import NOOP
from tests.e2e.repositories import git

RUNS = 200
WARM_UP = 10


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder, _without_sandbox(Path(folder)) as site:
        repository, commits = _repository(Path(folder, "noop"), RUNS + WARM_UP)
        asyncio.run(_burst(site, repository, commits[:WARM_UP]))
        spent = asyncio.run(_burst(site, repository, commits[WARM_UP:]))
    show("burst_with_the_fake_sandbox", runs=RUNS, seconds=round(spent, 2), runs_per_s=round(RUNS / spent, 1))
    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder, engine() as docker_url:
        floor = _floor_s(docker_url, RUNS)
        with _in_gvisor(Path(folder, "state")) as site:
            repository, commits = _repository(Path(folder, "noop"), RUNS + WARM_UP)
            asyncio.run(_burst(site, repository, commits[:WARM_UP]))
            spent = asyncio.run(_burst(site, repository, commits[WARM_UP:]))
    show(
        "burst_in_gvisor",
        runs=RUNS,
        seconds=round(spent, 2),
        runs_per_s=round(RUNS / spent, 2),
        floor_s=round(floor, 2),
        to_floor=round(spent / floor, 2),
    )


@contextmanager
def _in_gvisor(state_dir: Path) -> Iterator[Site]:
    installation = Installation(Settings(state_dir=state_dir))
    try:
        yield installation.join()
    finally:
        installation.leave()


def _floor_s(docker_url: str, count: int) -> float:
    """So many containers, two at a time for each core: fewer leave cores idle, more are not faster."""
    image = resolve("runner-python")

    def one(_: int) -> None:
        client.containers.run(image, ["true"], runtime=RUNTIME, network_mode="none", remove=True)

    client = connect(docker_url)
    try:
        with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            list(pool.map(one, range(4)))
            begun = time.monotonic()
            list(pool.map(one, range(count)))
            return time.monotonic() - begun
    finally:
        client.close()


@contextmanager
def _without_sandbox(folder: Path) -> Iterator[Site]:
    run_dir = folder / "run"
    redis, ray, driver = RedisServer(folder, run_dir), RayHead(folder, run_dir), Driver(run_dir)
    try:
        redis.ensure()
        ray.ensure(dashboard=False)
        site = Site(folder, redis.url, redis.runner_url, docker_url="", installation="bench")
        driver.deploy(ray.address, ray.environment(), Settings(state_dir=folder), site, fresh=True, body=body)
        yield site
    finally:
        driver.stop()
        ray.stop()
        redis.stop()


def _repository(folder: Path, count: int) -> tuple[Path, list[CommitId]]:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".delta.yml").write_text(NOOP)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=first")
    commits = []
    for number in range(count):
        git(folder, "commit", "--quiet", "--allow-empty", f"--message={number}")
        commits.append(CommitId(git(folder, "rev-parse", "HEAD")))
    return folder, commits


async def _burst(site: Site, repository: Path, commits: list[CommitId]) -> float:
    store = Store.connect(site.redis_url)
    changes = [_change(repository, commit) for commit in commits]
    begun = time.monotonic()
    try:
        await asyncio.gather(*(store.inbox.put(Submit(change=change)) for change in changes))
        for change in changes:
            await _over(store, change.run_id())
        return time.monotonic() - begun
    finally:
        await store.close()


async def _over(store: Store, run: RunId) -> None:
    after = "0"
    while True:
        found = await store.runs.events(run, after=after, block_ms=10_000)
        after = found[-1][0] if found else after
        if found and (record := await store.runs.load(run)).over:
            assert record.state == "passed", record
            return


def _change(repository: Path, head: CommitId) -> Change:
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository="bench/noop",
        clone_url=str(repository),
        head=head,
    )


if __name__ == "__main__":
    main()
