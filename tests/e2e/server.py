"""A Delta of a test's own: its state directory, its port, everything it starts ended with it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from cluster.embedded.ray_head import RayHead, free_ports
from cluster.store.store import Store
from models.errors import InfrastructureError
from models.history import PastChange
from models.ids import RunId
from models.run import Run

DELTA = str(Path(sys.executable).with_name("delta"))
SETTLE_TIMEOUT_S = 240.0


@dataclass
class Delta:
    """One installation, driven through its command line and its HTTP interface."""

    state_dir: Path
    env: dict[str, str]
    port: int
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30.0, trust_env=False)

    def command(self, *arguments: str, timeout_s: float = 300.0, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Runs `delta` with these arguments; `typed` is its standard input."""
        return subprocess.run(
            [DELTA, *arguments],
            env=self.env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def up(self) -> None:
        done = self.command("up")
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        self.client.headers["Authorization"] = f"Bearer {(self.state_dir / 'api.token').read_text()}"

    def down(self) -> None:
        done = self.command("down")
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self) -> None:
        """SIGKILL to everything that serves: the API, Redis, Ray's processes and every actor, all at once."""
        doomed = {process.pid: process for process in self.processes()}
        for process in doomed.values():
            process.kill()
        psutil.wait_procs(list(doomed.values()), timeout=30.0)

    def processes(self) -> list[psutil.Process]:
        """Every process that serves, without the engine's: that belongs to the machine."""
        records = [json.loads(path.read_text()) for path in (self.state_dir / "run").glob("*.json")]
        mains = [psutil.Process(record["pid"]) for record in records if "pid" in record]
        assert len(mains) == 4, "the API, Redis, Ray and its driver"
        family = [child for main in mains for child in main.children(recursive=True)]
        rays = RayHead(self.state_dir, self.state_dir / "run").processes()
        return [process for process in [*mains, *family, *rays] if _is_part(process)]

    def settled(self, run: str) -> Run:
        """The run, once it is over and nothing is left to be done for it."""
        return asyncio.run(self._settled(RunId(run)))

    def first_log(self, run: str, job: str, text: str) -> None:
        """Returns once `text` stands in the job's live log."""
        self.taken(run)  # an event that was accepted is no run yet
        seen = ""
        path = f"/v1/runs/{run}/jobs/{job}/log?follow=1"
        with self.client.stream("GET", path, timeout=SETTLE_TIMEOUT_S) as answer:
            for line in answer.iter_lines():
                seen += line + "\n"
                if text in seen:
                    return
        raise AssertionError(f"{text!r} never came: {seen}")

    def taken(self, run: str) -> None:
        """Returns once the orchestrator has made the run."""
        asyncio.run(self._first_event(RunId(run)))

    def log(self) -> str:
        path = self.state_dir / "run" / "api.log"
        return path.read_text() if path.exists() else ""

    def remembered(self, repository: str) -> list[PastChange]:
        """What the planner has learned of a repository, newest first, of those changes that it has an embedding of."""
        return asyncio.run(self._remembered(repository))

    async def _remembered(self, repository: str) -> list[PastChange]:
        store = Store.connect(f"unix://{self.state_dir}/run/redis.sock")
        try:
            embedded = {run async for page in store.changes.vectors(repository) for run, _ in page}
            return [past for past in await store.changes.latest(repository, 100) if past.run in embedded]
        finally:
            await store.close()

    async def _settled(self, run: RunId) -> Run:
        store = Store.connect(f"unix://{self.state_dir}/run/redis.sock")
        deadline, after = time.monotonic() + SETTLE_TIMEOUT_S, "0"
        try:
            while time.monotonic() < deadline:
                try:
                    found = await store.runs.events(run, after=after, block_ms=500)
                    after = found[-1][0] if found else after
                    over = after != "0" and (record := await store.runs.load(run)).over
                    if over and not await store.runs.is_active(run):
                        return record
                except InfrastructureError:  # Redis is being started again: that may be what is tested
                    await asyncio.sleep(0.1)
            events = [event for _, event in await store.runs.events(run)]
            raise AssertionError(f"{run} did not end: {events}\n{self.log()}")
        finally:
            await store.close()

    async def _first_event(self, run: RunId) -> None:
        store = Store.connect(f"unix://{self.state_dir}/run/redis.sock")
        try:
            assert await store.runs.events(run, block_ms=15_000), "the orchestrator did not take it"
        finally:
            await store.close()


@contextmanager
def delta(settings: Mapping[str, str] | None = None) -> Iterator[Delta]:
    """An installation that is not up yet. What is up at the end is ended, with its state."""
    # Unix sockets lie in it, whose paths are short: pytest's own temporary folders are too deep.
    state_dir = Path(tempfile.mkdtemp(prefix="delta-e2e-"))
    [port] = free_ports(1)
    env = {
        name: value for name, value in os.environ.items() if not name.startswith("DELTA_") or name == "DELTA_HOST_DIR"
    }
    env |= {"DELTA_STATE_DIR": str(state_dir), "DELTA_API__PORT": str(port), "NO_COLOR": "1", "COLUMNS": "200"}
    env["DELTA_PLANNER__AUDIT_SHARE"] = "0"  # an audit would be a run that no test asked for
    installation = Delta(state_dir, env | dict(settings or {}), port)
    try:
        yield installation
    finally:
        installation.down()
        installation.client.close()
        assert _left_over(state_dir) == [], "something of it still runs"
        shutil.rmtree(state_dir)
        shutil.rmtree(RayHead(state_dir, state_dir / "run").temp_dir, ignore_errors=True)


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    """What `delta run --json` printed."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"exit code {done.returncode}, no JSON:\n{done.stdout}\n{done.stderr}") from None


def _is_part(process: psutil.Process) -> bool:
    """The engine is not: it belongs to the machine, and other installations may use it."""
    try:
        return process.name() not in {"dockerd", "containerd"} and not process.name().startswith("containerd-shim")
    except psutil.NoSuchProcess:
        return False


def _left_over(state_dir: Path) -> list[str]:
    marks = (str(state_dir), str(RayHead(state_dir, state_dir / "run").temp_dir))
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if any(mark in line for mark in marks):
            found.append(line)
    return found
