"""One attempt at one job, from an image and a tree to a result. The runner's only door into this folder.

What ends how:
- a step's exit code → passed or failed; memory → failed, named; wall time → timed out; the cancel signal → cancelled;
- Docker, the source or the sandbox itself breaks → errored, cause `sandbox`: worth another try elsewhere;
- this installation cannot give what is asked for → errored, cause `refused`, with what to do about it;
- anything else (a lease that was lost, Ctrl-C) goes up to the caller.
The container is destroyed in every one of these cases.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.plan import JobSpec
from models.result import AttemptResult, Cause, Outcome
from models.settings import SandboxSettings
from sandbox.artifacts import BlobSink, Limits, collect
from sandbox.container import Sandbox
from sandbox.log import AttemptLog, Sink
from sandbox.spec import MIB, WORKSPACE, SandboxSpec, sandbox_spec
from sandbox.steps import CancelledError, run_steps
from sandbox.unavailable import SandboxUnavailableError

PREPARE_TIMEOUT_S = 300.0
COLLECT_TIMEOUT_S = 120.0

Source = Callable[[], AbstractContextManager[BinaryIO]]


def run_attempt(
    job: JobSpec,
    *,
    attempt: AttemptId,
    image: str,
    source: Source,
    sink: Sink,
    cancelled: threading.Event,
    blobs: BlobSink,
    docker_url: str,
    installation: str,
    settings: SandboxSettings,
    on_ready: Callable[[], None],
) -> AttemptResult:
    """Run a job in a fresh sandbox and destroy it.

    `image` is a name that Docker knows. `source` gives the tree as an uncompressed tar stream. `sink` takes log chunks,
    in order, at most 0.1 s late. `cancelled` may be set from another thread at any time. `on_ready` is called once,
    when the tree is in place and before the first step. What `on_ready`, `sink` or `blobs` raise, other than
    `InfrastructureError`, reaches the caller.
    """
    log = AttemptLog(sink, settings.log_limit_mb * MIB)
    spec: SandboxSpec | None = None
    try:
        spec = sandbox_spec(job, attempt=attempt, image=image, installation=installation, settings=settings)
        result = _Attempt(job, spec, log, cancelled, blobs, settings).run(docker_url, source, on_ready)
        log.finish()
    except SandboxUnavailableError as error:
        result = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.REFUSED, detail=str(error))
    except InfrastructureError as error:
        result = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.SANDBOX, detail=str(error))
    if result.outcome is Outcome.ERRORED:
        with suppress(InfrastructureError):  # it may be the log itself that is broken
            log.delta(f"errored: {result.detail}")
            log.finish()
    return result.having(runtime=spec.runtime if spec else "", unsafe=spec.unsafe if spec else False)


class _Attempt:
    """What the stages of one attempt share."""

    def __init__(
        self,
        job: JobSpec,
        spec: SandboxSpec,
        log: AttemptLog,
        cancelled: threading.Event,
        blobs: BlobSink,
        settings: SandboxSettings,
    ) -> None:
        self._job = job
        self._spec = spec
        self._log = log
        self._cancelled = cancelled
        self._blobs = blobs
        self._limits = Limits(files=settings.artifact_limit_count, total_bytes=settings.artifact_limit_mb * MIB)

    def run(self, docker_url: str, source: Source, on_ready: Callable[[], None]) -> AttemptResult:
        """All stages. Raises what the module's docstring leaves to `run_attempt`."""
        try:
            self._guard(PREPARE_TIMEOUT_S, "making the sandbox")()
            sandbox = Sandbox.start(docker_url, self._spec)
            try:
                self._unpack(sandbox, source)
                on_ready()
                result = run_steps(sandbox, self._job, self._log, self._cancelled)
                return self._with_artifacts(sandbox, result)
            finally:
                sandbox.destroy()
        except CancelledError:
            self._log.delta("cancelled")
            return AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail="cancelled while running")

    def _unpack(self, sandbox: Sandbox, source: Source) -> None:
        spec = self._spec
        protection = "UNSAFE: without gVisor" if spec.unsafe else "gVisor"
        self._log.delta(
            f"sandbox: {protection}, runtime {spec.runtime}, image {spec.image}, "
            f"{spec.cpus:g} cpu, {spec.memory_mb} MB memory, {spec.workspace_mb} MB workspace"
        )
        began = time.monotonic()
        with source() as tar:
            code, said = sandbox.call(
                ["tar", "--extract", "--file=-", "--no-same-owner", f"--directory={WORKSPACE}"],
                stdin=tar,
                guard=self._guard(PREPARE_TIMEOUT_S, "unpacking the source"),
            )
        if sandbox.watch.ended.is_set() or code != 0:
            raise InfrastructureError(
                f"the source could not be unpacked in the sandbox (exit code {code}): {said or 'the sandbox ended'}",
                remedy=f"if the tree is larger than {spec.workspace_mb} MB, raise the job's `workspace_mb`",
            )
        self._log.delta(f"source unpacked in {time.monotonic() - began:.1f} s")

    def _with_artifacts(self, sandbox: Sandbox, result: AttemptResult) -> AttemptResult:
        """The result with what could be collected. A sandbox that is dead has nothing left to give."""
        patterns = (*self._job.junit, *self._job.artifacts)
        if not patterns or sandbox.watch.ended.is_set():
            return result
        try:
            guard = self._guard(COLLECT_TIMEOUT_S, "collecting the artifacts")
            found = collect(sandbox, patterns, self._limits, self._blobs, guard)
        except InfrastructureError as error:
            # The steps have ended, and their verdict stands; the log says what is missing from it.
            why = f"artifacts could not be collected: {error}"
            self._log.delta(why)
            return result.having(refused_artifacts=(why,))
        self._log.delta(f"artifacts: {len(found.artifacts)} collected, {len(found.refused)} refused")
        for line in found.refused:
            self._log.delta(f"artifact refused: {line}")
        return result.having(artifacts=found.artifacts, refused_artifacts=found.refused)

    def _guard(self, limit_s: float, doing: str) -> Callable[[], None]:
        deadline = time.monotonic() + limit_s

        def check() -> None:
            if self._cancelled.is_set():
                raise CancelledError
            if time.monotonic() > deadline:
                raise InfrastructureError(f"{doing} took longer than {limit_s:g} s")

        return check
