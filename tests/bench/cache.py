"""A project with a Python environment by its lock files: its first run, which installs, and its second one.

`first_s` and `second_s` are whole attempts, from the runner's first move until the result is told. The
environment is real: `venv` and `pip`, without a network, from wheels of 5,000 files and 100 MB in the tree. `save_s`
and `restore_s` are what the log says. `mount_s` is for comparison: a sandbox made with the same files, extracted on the
host before, bound read-only; `read_restored_s` and `read_mounted_s` are reading all files once, in memory and
through that mount.
"""

from __future__ import annotations

import io
import json
import random
import re
import secrets
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from actors.pool.actor import usual_spec
from cluster.blobs import LocalBlobs
from cluster.host.engine import connect, engine
from models.caches import MAIN, CacheHit
from models.ids import AttemptId, JobId
from models.job import CacheSpec, JobSpec
from models.logs import LogChunk
from models.result import Outcome, SavedCache
from models.settings import SandboxSettings
from sandbox.attempt import run_attempt
from sandbox.options import container_options
from sandbox.spec import JOB_USER
from sandbox.supplies import Supplies
from sandbox.sweep import sweep
from tests.bench.figures import show, spread
from tests.tars import tar_of

ROUNDS = 5
WHEELS = 10
FILES = 500  # in each
FILE_BYTES = 20_000
CACHE = CacheSpec(key="a" * 64, paths=(".venv",), label=".venv")
INSTALL = (
    "test -d .venv || { python3 -m venv .venv;"
    " .venv/bin/pip install --quiet --no-index --no-compile --find-links=wheels part0 part1 part2 part3 part4"
    " part5 part6 part7 part8 part9; }"
)
USE = '.venv/bin/python -c "import part0.m1, part9.m499"'
READ = "find {folder} -type f -exec cat {{}} + > /dev/null"


class Bench:
    """One installation; every attempt starts cold, so that all are alike."""

    def __init__(self, docker_url: str, folder: Path) -> None:
        self.docker_url = docker_url
        self.installation = f"bench-{secrets.token_hex(4)}"
        self.caches = LocalBlobs(folder / "caches")
        self.tree = _tree()
        self.log = ""

    def attempt(self, steps: tuple[str, ...], restore: tuple[SavedCache, ...] = ()) -> tuple[float, list[SavedCache]]:
        """Seconds until the result is told, and what was saved."""
        lines: list[LogChunk] = []
        told: list[float] = []
        supplies = Supplies(
            docker_url=self.docker_url,
            installation=self.installation,
            settings=SandboxSettings(),
            image=usual_spec(SandboxSettings(), self.installation).image,
            source=self._source,
            sink=lines.extend,
            blobs=self.caches,  # a job without artifacts puts none
            cancelled=threading.Event(),
            report=lambda _: told.append(time.monotonic()),
            caches=self.caches,
            restore=tuple(
                CacheHit(key=cache.key, scope=MAIN, blob=cache.blob, size_bytes=cache.size_bytes) for cache in restore
            ),
        )
        begun = time.monotonic()
        job = JobSpec(id=JobId("bench"), run=steps, caches=(CACHE,))
        result = run_attempt(job, AttemptId("r0.cache.1"), supplies)
        self.log = "".join(chunk.text for chunk in lines)
        assert result.outcome is Outcome.PASSED, self.log
        return told[0] - begun, list(result.saved)

    def said(self, pattern: str) -> float:
        """A number of seconds from the log of the last attempt."""
        found = re.search(pattern, self.log)
        assert found is not None, self.log
        return float(found[1])

    def mounted(self, folder: Path) -> tuple[float, float]:
        """A sandbox with this folder bound read-only: until it answers an exec, and reading all of it."""
        client = connect(self.docker_url)
        options = container_options(usual_spec(SandboxSettings(), self.installation))
        container = None
        try:
            begun = time.monotonic()
            container = client.containers.create(**options, volumes={str(folder): {"bind": "/mnt", "mode": "ro"}})
            container.start()
            container.exec_run(["true"], user=JOB_USER)
            made_s = time.monotonic() - begun
            begun = time.monotonic()
            code, _ = container.exec_run(["sh", "-c", READ.format(folder="/mnt")], user=JOB_USER)
            assert code == 0
            return made_s, time.monotonic() - begun
        finally:
            if container is not None:
                container.remove(force=True)
            client.close()

    @contextmanager
    def _source(self) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.tree)


def main() -> None:
    """Measures and prints."""
    spent: dict[str, list[float]] = {}

    def note(**figures: float) -> None:
        for name, value in figures.items():
            spent.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder, engine() as docker_url:
        bench = Bench(docker_url, Path(folder))
        saved: list[SavedCache] = []
        try:
            for _ in range(ROUNDS):
                first_s, saved = bench.attempt((INSTALL, USE))
                note(first_s=first_s, save_s=bench.said(r"cache saved: .* in ([\d.]+) s"))
                second_s, again = bench.attempt((INSTALL, USE), tuple(saved))
                assert again == []
                note(second_s=second_s, restore_s=bench.said(r"restored in ([\d.]+) s"))
                bench.attempt((READ.format(folder=".venv"),), tuple(saved))
                note(read_restored_s=bench.said(r"step 1 of 1 ended: exit code 0, ([\d.]+) s"))
            extracted = Path(folder) / "extracted"
            extracting_s = _timed(lambda: _extract(bench.caches, saved[0], extracted))
            for _ in range(ROUNDS):
                mount_s, read_mounted_s = bench.mounted(extracted)
                note(mount_s=mount_s, read_mounted_s=read_mounted_s)
        finally:
            sweep(docker_url, bench.installation, keep=lambda _: False)
    middle = {name: spread(values)["p50"] for name, values in spent.items()}
    show(
        "cache",
        rounds=ROUNDS,
        cache_mb=round(saved[0].size_bytes / 1e6),
        first_to_second=round(middle["first_s"] / middle["second_s"], 1),
        extracting_on_the_host_s=round(extracting_s, 2),
        **{name: spread(values) for name, values in spent.items()},
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _extract(blobs: LocalBlobs, saved: SavedCache, folder: Path) -> None:
    """Only here, of a tar that this bench has made: Delta unpacks none outside a sandbox."""
    folder.mkdir()
    with blobs.open(saved.blob) as stream:
        subprocess.run(["tar", "--extract", "--no-same-owner", f"--directory={folder}"], stdin=stream, check=True)


def _tree() -> bytes:
    """The source: wheels whose modules are text as code is, so that they are packed as wheels are."""
    words = random.Random(7)  # noqa: S311 - the same tree each time
    names = [f"name_{words.randrange(10**6)}" for _ in range(2000)]
    return tar_of(
        {f"wheels/part{number}-1.0-py3-none-any.whl": _wheel(f"part{number}", names, words) for number in range(WHEELS)}
    )


def _wheel(name: str, names: list[str], words: random.Random) -> bytes:
    stream = io.BytesIO()
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as wheel:
        paths = [f"{name}/__init__.py", *(f"{name}/m{number}.py" for number in range(FILES))]
        for path in paths:
            lines = (f"{words.choice(names)} = {json.dumps(words.choice(names))}\n" for _ in range(FILE_BYTES // 28))
            wheel.writestr(path, "".join(lines))
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        record = [*paths, f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in record))
    return stream.getvalue()


if __name__ == "__main__":
    main()
