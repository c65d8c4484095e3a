"""How long until a job's first command has run, beside its floors, all under gVisor and in turns within one session.

`bare_exec`: one exec of `true` in a container that runs. `from_pool`: a sandbox is taken from the warm pool and taken
over as a runner does it, then the same exec. `cold`: a sandbox is made, then the same exec. `docker_run`: `docker run`
of `true`, removed afterwards. `attempt_from_pool` is a whole attempt at a job of one step `true`, with an empty source,
until its result is told. Seconds.
"""

from __future__ import annotations

import io
import secrets
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from actors.pool.actor import usual_spec
from cluster.blobs import LocalBlobs
from cluster.host.engine import connect, engine
from cluster.host.runtime import RUNTIME
from models.ids import AttemptId, JobId
from models.job import JobSpec
from models.result import AttemptResult, Outcome
from models.settings import SandboxSettings
from sandbox.attempt import run_attempt
from sandbox.container import Sandbox
from sandbox.names import attempt_name
from sandbox.pool import WarmPool
from sandbox.spec import SandboxSpec
from sandbox.stock import Bounds
from sandbox.supplies import Supplies
from sandbox.sweep import sweep
from tests.bench.figures import show, spread
from tests.tars import tar_of

ROUNDS = 20
ATTEMPT = AttemptId("r0.bench.1")


class Bench:
    """One installation of its own: a pool, and a sandbox that runs all the time."""

    def __init__(self, docker_url: str) -> None:
        self.installation = f"bench-{secrets.token_hex(4)}"
        self.docker_url = docker_url
        self.spec = usual_spec(SandboxSettings(), self.installation)
        self.pool = WarmPool(docker_url, self.installation, Bounds(per_shape=1, total=1))
        self.running = self._cold()

    def measure(self) -> dict[str, list[float]]:
        """Each figure once a round, so that what else the machine does meets all of them alike."""
        ways: dict[str, Callable[[], float]] = {
            "bare_exec": lambda: _timed(lambda: _true(self.running)),
            "from_pool": lambda: self._started(self._from_pool),
            "cold": lambda: self._started(self._cold),
            "docker_run": self._docker_run,
            "attempt_from_pool": self._attempt,
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):
            for name, way in ways.items():
                self._refill()
                spent[name].append(way())
        return {name: values[1:] for name, values in spent.items()}  # the first of each warms caches

    def end(self) -> None:
        """Removes everything."""
        self.pool.close()
        sweep(self.docker_url, self.installation, keep=lambda _: False)

    def _refill(self) -> None:
        self.pool.expect(self.spec)
        while self.pool.tend():
            pass

    def _started(self, start: Callable[[], Sandbox]) -> float:
        begun = time.monotonic()
        sandbox = start()
        try:
            _true(sandbox)
            return time.monotonic() - begun
        finally:
            sandbox.destroy()

    def _from_pool(self) -> Sandbox:
        taken = self.pool.take(self.spec, ATTEMPT)
        assert taken is not None
        return Sandbox.take_over(self.docker_url, self.spec, taken)

    def _cold(self) -> Sandbox:
        return Sandbox.start(self.docker_url, self.spec, attempt_name(self.installation, ATTEMPT))

    def _docker_run(self) -> float:
        client = connect(self.docker_url)
        try:
            return _timed(
                lambda: client.containers.run(
                    self.spec.image, ["true"], runtime=RUNTIME, network_mode="none", remove=True
                )
            )
        finally:
            client.close()

    def _attempt(self) -> float:
        told: list[float] = []

        def report(result: AttemptResult) -> None:
            assert result.outcome is Outcome.PASSED, result
            told.append(time.monotonic())

        def claim(spec: SandboxSpec) -> str | None:
            return self.pool.take(spec, ATTEMPT)

        begun = time.monotonic()
        supplies = Supplies(
            docker_url=self.docker_url,
            installation=self.installation,
            settings=SandboxSettings(),
            image=self.spec.image,
            source=_source,
            sink=lambda _: None,
            blobs=LocalBlobs(Path()),  # a job without artifacts puts none
            cancelled=threading.Event(),
            claim=claim,
            report=report,
        )
        run_attempt(JobSpec(id=JobId("bench"), run=("true",)), ATTEMPT, supplies)
        return told[0] - begun


def main() -> None:
    """Measures and prints."""
    with engine() as docker_url:
        bench = Bench(docker_url)
        try:
            spent = bench.measure()
        finally:
            bench.end()
    medians = {name: statistics.median(values) for name, values in spent.items()}
    show(
        "sandbox_start",
        rounds=ROUNDS,
        **{f"{name}_s": spread(values) for name, values in spent.items()},
        from_pool_to_bare_exec=round(medians["from_pool"] / medians["bare_exec"], 2),
        cold_to_docker_run=round(medians["cold"] / medians["docker_run"], 2),
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _true(sandbox: Sandbox) -> None:
    with sandbox.exec(["true"]) as process:
        for _ in process.pieces():
            pass


@contextmanager
def _source() -> Iterator[BinaryIO]:
    yield io.BytesIO(tar_of({}))


if __name__ == "__main__":
    main()
