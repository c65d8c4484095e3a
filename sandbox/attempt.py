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
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.job import JobSpec
from models.result import AttemptResult, Cause, Outcome
from sandbox.artifacts import Limits, collect, matches
from sandbox.caches import CacheBlobs, JobCaches
from sandbox.container import Sandbox
from sandbox.guard import CancelledError, Guard, unless, within
from sandbox.handover import Handover
from sandbox.log import AttemptLog
from sandbox.names import attempt_name
from sandbox.passage import Passage
from sandbox.services.beside import Services
from sandbox.spec import MIB, SandboxSpec, sandbox_spec
from sandbox.steps import job_environment, run_steps
from sandbox.supplies import Supplies
from sandbox.unavailable import SandboxUnavailableError
from sandbox.unpack import Tree

if TYPE_CHECKING:
    from sandbox.mask import Secrets

log = logging.getLogger(__name__)

SOURCE_TIMEOUT_S = 1000.0  # git's own limits for a fetch end before
PREPARE_TIMEOUT_S = 300.0
COLLECT_TIMEOUT_S = 120.0
CACHE_TIMEOUT_S = 120.0
TERMINAL_LIMIT_S = 3600.0
UNSAFE = "UNSAFE: without gVisor"


def run_attempt(job: JobSpec, attempt: AttemptId, supplies: Supplies) -> AttemptResult:
    """Run a job in a sandbox that nobody has used, and destroy it."""
    secrets = _secrets(supplies)
    attempt_log = AttemptLog(supplies.sink, supplies.settings.log_limit_mb * MIB, secrets=secrets)
    spec: SandboxSpec | None = None
    work: _Attempt | None = None
    try:
        try:
            spec = sandbox_spec(
                job, image=supplies.image, installation=supplies.installation, settings=supplies.settings
            )
            work = _Attempt(job, attempt, spec, attempt_log, supplies, secrets)
            result = work.run()
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
        if work is not None and work.passage is not None:
            result = result.having(egress=work.passage.uses())
        result = secrets.masked_result(result) if secrets else result
        supplies.report(result)
        return result
    finally:
        if work is not None:
            work.destroy()


def _secrets(supplies: Supplies) -> Secrets | None:
    if not supplies.secrets:
        return None
    from sandbox.mask import Secrets  # loads numpy, which an attempt without secrets does not need

    return Secrets(supplies.secrets)


def _checked(caches: CacheBlobs | None, secrets: Secrets | None) -> CacheBlobs | None:
    if caches is None or not secrets:
        return caches
    from sandbox.masked_files import CheckedCaches

    return CheckedCaches(caches, secrets)


class _Attempt:
    """What the stages of one attempt share."""

    def __init__(
        self,
        job: JobSpec,
        attempt: AttemptId,
        spec: SandboxSpec,
        log: AttemptLog,
        supplies: Supplies,
        secrets: Secrets | None,
    ) -> None:
        self._job = job
        self._attempt = attempt
        self._spec = spec
        self._log = log
        self._supplies = supplies
        self._secrets = secrets
        self._sandbox: Sandbox | None = None
        self.passage: Passage | None = None
        limit = supplies.settings.cache_limit_mb * MIB
        self._caches = JobCaches(job.caches, supplies.restore, _checked(supplies.caches, secrets), limit, log)

    def run(self) -> AttemptResult:
        """All stages but the last. Raises what the module's docstring leaves to `run_attempt`."""
        supplies = self._supplies
        try:
            self._guard(PREPARE_TIMEOUT_S, "making the sandbox")()
            with (
                Services(self._job, self._spec, self._attempt, supplies, self._log) as services,
                Tree(supplies.source) as tree,
            ):
                sandbox = self._sandbox = self._prepared()
                while not self._caches.restore(sandbox, self._guard(CACHE_TIMEOUT_S, "restoring the caches")):
                    self.destroy()  # and with it what came in by half
                    sandbox = self._sandbox = self._prepared()
                tree.opened(self._guard(SOURCE_TIMEOUT_S, "fetching the source"))
                guard = self._guard(PREPARE_TIMEOUT_S, "unpacking the source")
                self.passage = Passage(self._job, sandbox, supplies.settings, supplies.world, self._log)
                with self.passage as passage:
                    passage.forwards += services.open(sandbox.door, guard)
                    handover = Handover(sandbox, self._job, supplies.secrets, passage.forwards)
                    result = run_steps(
                        sandbox,
                        self._job,
                        self._log,
                        supplies.cancelled,
                        tree,
                        guard,
                        supplies.on_ready,
                        passage,
                        handover=handover,
                    )
                    if supplies.interact is not None and result.outcome is Outcome.PASSED:
                        environment = job_environment(self._job, passage.environment)
                        supplies.interact(sandbox, environment, self._guard(TERMINAL_LIMIT_S, "the terminal"))
                        return result
            return self._with_caches(sandbox, self._with_artifacts(sandbox, result))
        except CancelledError:
            self._log.delta("cancelled")
            return AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail="cancelled while running")

    def _prepared(self) -> Sandbox:
        spec, docker_url, began = self._spec, self._supplies.docker_url, time.monotonic()
        doors = self._supplies.doors
        warm = self._supplies.claim(spec)
        if warm:
            sandbox = Sandbox.take_over(docker_url, spec, warm, doors)
        else:
            sandbox = Sandbox.start(docker_url, spec, attempt_name(spec.installation, self._attempt), doors)
        protection = UNSAFE if spec.unsafe else "gVisor"
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
            settings = self._supplies.settings
            limits = Limits(files=settings.artifact_limit_count, total_bytes=settings.artifact_limit_mb * MIB)
            found = collect(sandbox, patterns, limits, self._supplies.blobs, guard, self._through)
        except InfrastructureError as error:
            # The steps have ended, and their verdict stands; the log says what is missing from it.
            why = f"artifacts could not be collected: {error}"
            self._log.delta(why)
            return result.having(refused_artifacts=(why,))
        self._log.delta(f"artifacts: {len(found.artifacts)} collected, {len(found.refused)} refused")
        for line in found.refused:
            self._log.delta(f"artifact refused: {line}")
        return result.having(artifacts=found.artifacts, refused_artifacts=found.refused)

    def _with_caches(self, sandbox: Sandbox, result: AttemptResult) -> AttemptResult:
        """The result with what was saved: nothing of a job that did not pass."""
        if result.outcome is not Outcome.PASSED:
            return result
        return result.having(saved=self._caches.save(sandbox, self._guard(CACHE_TIMEOUT_S, "saving the caches")))

    def _through(self, path: str, content: BinaryIO) -> BinaryIO:
        """Reports are masked, as what they say is shown; other files are what the job made them."""
        if not self._secrets or not any(matches(path, pattern) for pattern in self._job.junit):
            return content
        from sandbox.masked_files import MaskedFile

        return cast("BinaryIO", MaskedFile(content, self._secrets))

    def _guard(self, limit_s: float, doing: str) -> Guard:
        return within(limit_s, doing, unless(self._supplies.cancelled))
