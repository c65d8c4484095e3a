"""One attempt at one job, from an image and a tree to a result. The runner's only door into this folder.

What ends how:
- a step's exit code → passed or failed; memory → failed, named; wall time → timed out; the cancel signal → cancelled;
- Docker, the source or the sandbox itself breaks → errored, cause `sandbox`: worth another try elsewhere;
- this installation cannot give what is asked for → errored, cause `refused`, with what to do about it;
- anything else (a lease that was lost, Ctrl-C) goes up to the caller.
The container is destroyed in every one of these cases. The result is told before: destroying takes a tenth of a second
that nobody need wait for, and nothing comes out of a sandbox whose log and artifacts are closed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.job import JobSpec
from models.result import AttemptResult, Cause, Outcome
from models.settings import SandboxSettings
from sandbox.artifacts import BlobSink, Limits, collect
from sandbox.container import Sandbox
from sandbox.log import AttemptLog, Sink
from sandbox.names import attempt_name
from sandbox.spec import MIB, SandboxSpec, sandbox_spec
from sandbox.steps import CancelledError, run_steps
from sandbox.unavailable import SandboxUnavailableError
from sandbox.unpack import Source, Tree

log = logging.getLogger(__name__)

SOURCE_TIMEOUT_S = 1000.0  # git's own limits for a fetch end before
PREPARE_TIMEOUT_S = 300.0
COLLECT_TIMEOUT_S = 120.0

# Gives the id of a sandbox of this spec that has been waiting, and now bears the attempt's name; None: there is none.
Claim = Callable[[SandboxSpec], str | None]
Report = Callable[[AttemptResult], None]


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
    claim: Claim = lambda _: None,
    report: Report = lambda _: None,
) -> AttemptResult:
    """Run a job in a sandbox that nobody has used, and destroy it.

    `image` is a name that Docker knows. `source` gives the tree as an uncompressed tar stream; it is opened in another
    thread, at once. `sink` takes log chunks, in order, at most 0.1 s late. `cancelled` may be set from another thread
    at any time. `on_ready` is called once, when the tree is in place and the first step begins. `claim` may save making
    a sandbox. `report` is called once, with the result that is returned later. What `source`, `on_ready`, `sink`,
    `blobs`, `claim` or `report` raise, other than `InfrastructureError`, reaches the caller.
    """
    attempt_log = AttemptLog(sink, settings.log_limit_mb * MIB)
    spec: SandboxSpec | None = None
    work: _Attempt | None = None
    try:
        try:
            spec = sandbox_spec(job, image=image, installation=installation, settings=settings)
            work = _Attempt(job, spec, attempt_log, cancelled, blobs, settings)
            result = work.run(docker_url, attempt, source, claim, on_ready)
            attempt_log.finish()
        except SandboxUnavailableError as error:
            result = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.REFUSED, detail=str(error))
        except InfrastructureError as error:
            result = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.SANDBOX, detail=str(error))
        if result.outcome is Outcome.ERRORED:
            with suppress(InfrastructureError):  # it may be the log itself that is broken
                attempt_log.delta(f"errored: {result.detail}")
                attempt_log.finish()
        result = result.having(runtime=spec.runtime if spec else "", unsafe=spec.unsafe if spec else False)
        report(result)
        return result
    finally:
        if work is not None:
            work.destroy()


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
        self._sandbox: Sandbox | None = None

    def run(
        self, docker_url: str, attempt: AttemptId, source: Source, claim: Claim, on_ready: Callable[[], None]
    ) -> AttemptResult:
        """All stages but the last. Raises what the module's docstring leaves to `run_attempt`."""
        try:
            self._guard(PREPARE_TIMEOUT_S, "making the sandbox")()
            with Tree(source) as tree:
                sandbox = self._sandbox = self._prepared(docker_url, attempt, claim)
                tree.opened(self._guard(SOURCE_TIMEOUT_S, "fetching the source"))
                guard = self._guard(PREPARE_TIMEOUT_S, "unpacking the source")
                result = run_steps(sandbox, self._job, self._log, self._cancelled, tree, guard, on_ready)
            return self._with_artifacts(sandbox, result)
        except CancelledError:
            self._log.delta("cancelled")
            return AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail="cancelled while running")

    def _prepared(self, docker_url: str, attempt: AttemptId, claim: Claim) -> Sandbox:
        spec, began = self._spec, time.monotonic()
        warm = claim(spec)
        if warm:
            sandbox = Sandbox.take_over(docker_url, spec, warm)
        else:
            sandbox = Sandbox.start(docker_url, spec, attempt_name(spec.installation, attempt))
        protection = "UNSAFE: without gVisor" if spec.unsafe else "gVisor"
        self._log.delta(
            f"sandbox: {protection}, runtime {spec.runtime}, image {spec.image}, "
            f"{spec.cpus:g} cpu, {spec.memory_mb} MB memory, {spec.workspace_mb} MB workspace, "
            f"{'taken from the pool' if warm else 'made'} in {time.monotonic() - began:.2f} s"
        )
        return sandbox

    def destroy(self) -> None:
        """The last stage. What Docker refuses is left for the sweeper: the result has been told."""
        if self._sandbox is None:
            return
        try:
            self._sandbox.destroy()
        except InfrastructureError as error:
            log.warning("the sandbox %s is left for the sweeper: %s", self._sandbox.id, error)

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
