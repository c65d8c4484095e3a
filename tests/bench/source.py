"""How long a tree of 2,000 files and 20 MB takes from a mirror into a warm sandbox, beside what git needs to write it.

`empty` and `tree` are from the runner's first move until the first step may begin; `archive` reads git's stream to its
end and does nothing with it. Seconds.
"""

from __future__ import annotations

import random
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from actors.pool.actor import usual_spec
from cluster.blobs import LocalBlobs
from cluster.host.engine import engine
from models.ids import AttemptId, CommitId, JobId
from models.job import JobSpec
from models.result import Outcome
from models.settings import SandboxSettings
from sandbox.attempt import run_attempt
from sandbox.pool import WarmPool
from sandbox.source.mirror import Mirrors
from sandbox.stock import Bounds
from sandbox.supplies import Supplies
from sandbox.sweep import sweep
from tests.bench.figures import show, spread
from tests.e2e.repositories import git

ROUNDS = 10
FILES = 2_000
FILE_BYTES = 10_000
ATTEMPT = AttemptId("r0.source.1")


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder, engine() as docker_url:
        repository = Path(folder) / "repository"
        commits = {"empty": _commit(repository, 1), "tree": _commit(repository, FILES)}
        mirrors = Mirrors(Path(folder) / "mirrors")
        mirror = mirrors.of(str(repository))
        for commit in commits.values():
            mirror.ensure(commit)
        installation = f"bench-{secrets.token_hex(4)}"
        pool = WarmPool(docker_url, installation, Bounds(per_shape=1, total=1))

        def ready(commit: CommitId) -> float:
            told: list[float] = []
            supplies = Supplies(
                docker_url=docker_url,
                installation=installation,
                settings=SandboxSettings(),
                image=spec.image,
                source=lambda: mirror.archive(commit),
                sink=lambda _: None,
                blobs=LocalBlobs(Path()),  # a job without artifacts puts none
                cancelled=threading.Event(),
                claim=lambda wanted: pool.take(wanted, ATTEMPT),
                on_ready=lambda: told.append(time.monotonic()),
            )
            begun = time.monotonic()
            result = run_attempt(JobSpec(id=JobId("bench"), run=("true",)), ATTEMPT, supplies)
            assert result.outcome is Outcome.PASSED, result
            return told[0] - begun

        def archived() -> float:
            begun = time.monotonic()
            with mirror.archive(commits["tree"]) as stream:
                while stream.read(1 << 18):
                    pass
            return time.monotonic() - begun

        spec = usual_spec(SandboxSettings(), installation)
        ways: dict[str, Callable[[], float]] = {
            "archive": archived,
            **{name: partial(ready, commit) for name, commit in commits.items()},
        }
        try:
            spent: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(ROUNDS):
                for name, way in ways.items():
                    pool.expect(spec)
                    while pool.tend():
                        pass
                    spent[name].append(way())
        finally:
            pool.close()
            sweep(docker_url, installation, keep=lambda _: False)
            mirrors.close()
    medians = {name: statistics.median(values) for name, values in spent.items()}
    show(
        "source",
        rounds=ROUNDS,
        files=FILES,
        bytes=FILES * FILE_BYTES,
        **{f"{name}_s": spread(values) for name, values in spent.items()},
        source_in_s=round(medians["tree"] - medians["empty"], 3),
    )


def _commit(repository: Path, files: int) -> CommitId:
    """A commit with so many files of text that does not compress to nothing."""
    lots = random.Random(files)  # noqa: S311 - content, not a secret
    if not repository.exists():
        repository.mkdir()
        git(repository, "init", "--quiet", "--initial-branch=main")
    for number in range(files):
        path = repository / f"package{number % 40}" / f"module{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(lots.choices("abcdefgh =()\n", k=FILE_BYTES)))
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=files")
    return CommitId(git(repository, "rev-parse", "HEAD"))


if __name__ == "__main__":
    main()
