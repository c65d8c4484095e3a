"""A job's steps, one after another, each a shell of its own, until one fails, time is up or somebody cancels.

The first one's exec brings the source in before (`unpack.py`).

A step is `bash -eo pipefail -c COMMAND` in `/workspace`: it stops at its first failing command, also within a pipe. Its
two outputs are one, so that their order is kept. Files stay from step to step, variables and the folder do not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from threading import Event, Thread
from types import MappingProxyType

from models.errors import InfrastructureError
from models.job import JobSpec
from models.result import AttemptResult, Cause, Outcome
from sandbox.container import Sandbox
from sandbox.guard import CancelledError, unless
from sandbox.handover import Handover
from sandbox.log import AttemptLog
from sandbox.passage import Passage
from sandbox.printable import visible
from sandbox.process import STDERR, STDOUT, Piece, Process
from sandbox.spec import HOME
from sandbox.unpack import Tree, not_unpacked

GRACE_S = 5.0
SHOWN_CHARS = 2000
KILLED = 137

_SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]


def job_environment(job: JobSpec, passage: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """The variables that a step sees besides those of the image (`PATH` is one): the same for every commit and node.

    `passage` are those that lead to the egress proxy. The job's own win.
    """
    return {
        "CI": "true",
        "DELTA": "true",
        "HOME": HOME,
        "USER": "runner",
        "LOGNAME": "runner",
        "SHELL": "/bin/bash",
        **passage,
        **job.env,
    }


def run_steps(
    sandbox: Sandbox,
    job: JobSpec,
    log: AttemptLog,
    cancelled: Event,
    tree: Tree,
    guard: Callable[[], None],
    on_ready: Callable[[], None],
    passage: Passage,
    *,
    handover: Handover,
) -> AttemptResult:
    """Unpack the tree and run them all; the result has no artifacts yet.

    `guard` bounds the unpacking by raising; then `on_ready` is called, and the job's own time begins. The sandbox is
    dead afterwards where time ran out and the job ignored SIGTERM, or where memory did and took all. Raises
    `CancelledError`, and `InfrastructureError` when the tree does not fit, Docker fails, or the sandbox ends for no
    known reason.
    """
    deadline = math.inf

    def arrived() -> float:
        nonlocal deadline
        on_ready()
        deadline = time.monotonic() + job.timeout_s
        return deadline

    for index, command in enumerate(job.run):
        log.step = index
        shell = [*_handed_over(job, index, log, cancelled, handover), *_SHELL]
        step = _Step(sandbox, job, log, cancelled, deadline, index, passage, shell)
        result = step.run(command) if index else step.run_first(command, tree, guard, arrived)
        if result.outcome is not Outcome.PASSED:
            return result
    return AttemptResult(outcome=Outcome.PASSED, cause=Cause.EXIT, exit_code=0)


def _handed_over(job: JobSpec, index: int, log: AttemptLog, cancelled: Event, handover: Handover) -> list[str]:
    if uses := job.step(index).secrets:
        names = ", ".join(f"{use.name} as a file" if use.as_file else use.name for use in uses)
        log.delta(f"{_called(job, index)} gets these secrets: {names}")
    return handover.before(index, unless(cancelled))


class _Step:
    """One step while it runs."""

    def __init__(
        self,
        sandbox: Sandbox,
        job: JobSpec,
        log: AttemptLog,
        cancelled: Event,
        deadline: float,
        index: int,
        passage: Passage,
        shell: list[str],
    ) -> None:
        self._sandbox = sandbox
        self._job = job
        self._log = log
        self._cancelled = cancelled
        self._deadline = deadline
        self._index = index
        self._shell = shell
        self._forwards = passage.forwards
        self._environment = {**job_environment(job, passage.environment), **job.step(index).env}
        self._name = _called(job, index)
        self._kill_at = math.inf  # set when time is up: SIGTERM has been sent
        self._runtime_said = bytearray()

    def run_first(
        self, command: str, tree: Tree, guard: Callable[[], None], arrived: Callable[[], float]
    ) -> AttemptResult:
        """Run it after the tree has come in through the same exec. `arrived` says until when the job may run."""
        began = time.monotonic()
        argv = tree.shell(self._sandbox.spec, [*self._shell, command], self._forwards)
        with self._sandbox.exec(argv, environment=self._environment, stdin=True) as process:
            pieces = process.pieces(tree)
            arrival = tree.arrive(pieces, guard)
            if not arrival.in_place:
                ended = self._sandbox.watch.ended.is_set()
                code = None if ended else process.exit_code()
                raise not_unpacked(self._sandbox.spec, arrival.said, code)
            self._log.delta(f"source unpacked in {time.monotonic() - began:.1f} s")
            if told := tree.pointers.told():
                self._log.delta(told)
            self._deadline = arrived()
            self._log.delta(f"{self._name}: {shown(command)}")
            first = (Piece(STDERR, arrival.said), Piece(STDOUT, arrival.output))
            return self._to_its_end(process, chain(first, pieces))

    def run(self, command: str) -> AttemptResult:
        """Run it to its end, whichever that is."""
        self._log.delta(f"{self._name}: {shown(command)}")
        argv = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *self._shell, command]
        with self._sandbox.exec(argv, environment=self._environment) as process:
            return self._to_its_end(process, process.pieces())

    def _to_its_end(self, process: Process, pieces: Iterator[Piece]) -> AttemptResult:
        began = time.monotonic()
        self._pump(pieces)
        self._log.end_of_output()
        if self._runtime_said:
            self._log.delta(f"the runtime says: {shown(self._runtime_said.decode(errors='replace'))}")
        result = self._timed_out() if math.isfinite(self._kill_at) else self._judge(process)
        how = "stopped" if result.outcome is Outcome.TIMED_OUT else f"exit code {result.exit_code}"
        self._log.delta(f"{self._name} ended: {how}, {time.monotonic() - began:.1f} s")
        return result

    def _pump(self, pieces: Iterator[Piece]) -> None:
        """Carry the output to the log, watching clock and cancel signal, until the step or the sandbox is dead."""
        for piece in pieces:
            if piece.stream == STDERR:  # not the job's, which has one output: runsc, or the shell that starts bash
                self._runtime_said += piece.data[: SHOWN_CHARS - len(self._runtime_said)]
            else:
                self._log.job(piece.data)
            if self._cancelled.is_set():
                raise CancelledError
            now = time.monotonic()
            if now >= self._kill_at:
                self._log.delta(f"still running {GRACE_S:.0f} s after SIGTERM: the sandbox is killed")
                self._sandbox.kill()
                return
            if now >= self._deadline and math.isinf(self._kill_at):
                self._log.delta(f"the job's {self._job.timeout_s:g} s are over: its processes get SIGTERM")
                self._kill_at = now + GRACE_S
                # In a thread, since a sandbox that is busy enough may take its time with a new process. It ends with
                # the sandbox, and whether it managed does not matter: the kill follows.
                Thread(target=_terminate, args=(self._sandbox,), name="terminate", daemon=True).start()

    def _timed_out(self) -> AttemptResult:
        return AttemptResult(
            outcome=Outcome.TIMED_OUT,
            cause=Cause.WALL_TIME,
            exit_code=KILLED,
            step=self._index,
            detail=f"still running after {self._job.timeout_s:g} s, in {self._name}",
        )

    def _judge(self, process: Process) -> AttemptResult:
        watch = self._sandbox.watch
        if watch.ended.is_set():
            return self._judge_dead()
        code = watch.settle(process.id)
        if code is None and not watch.ended.is_set():
            code = process.exit_code()  # Docker did not tell
        if self._runtime_said or code == KILLED:
            # runsc says when it has lost the sandbox, and what ran in one that is killed ends before it does, a moment
            # before Docker notices: the exit code is then not the job's
            watch.wait_for_end()
        if watch.ended.is_set():
            return self._judge_dead()
        if code is None:
            raise InfrastructureError(f"Docker lost the process of {self._name}: it neither runs nor has an exit code")
        memory = self._sandbox.ran_out_of_memory()
        if code == 0:
            if memory:
                self._log.delta(
                    f"a process was killed: the job reached its {self._job.resources.memory_mb} MB of memory"
                )
            return AttemptResult(outcome=Outcome.PASSED, exit_code=0, step=self._index)
        if memory:
            return self._out_of_memory(code)
        detail = f"{self._name} ended with exit code {code}: {shown(self._job.run[self._index], 200)}"
        return AttemptResult(outcome=Outcome.FAILED, exit_code=code, step=self._index, detail=detail)

    def _judge_dead(self) -> AttemptResult:
        end = self._sandbox.end()
        if end.out_of_memory:
            return self._out_of_memory(KILLED)
        raise InfrastructureError(
            f"the sandbox ended by itself in {self._name} (exit code {end.exit_code})",
            remedy="if it happens again, look for a job that exhausts processes or file handles",
        )

    def _out_of_memory(self, code: int) -> AttemptResult:
        limit = self._job.resources.memory_mb
        detail = f"{self._name} reached the job's {limit} MB of memory (files in /workspace, /tmp and ~ count too)"
        self._log.delta(f"out of memory: {detail}")
        return AttemptResult(
            outcome=Outcome.FAILED, cause=Cause.OUT_OF_MEMORY, exit_code=code, step=self._index, detail=detail
        )


def _called(job: JobSpec, index: int) -> str:
    number, name = f"step {index + 1} of {len(job.run)}", job.step(index).name
    return f"{number} ({shown(name, 100)})" if name else number


def shown(command: str, limit: int = SHOWN_CHARS) -> str:
    """A command as one of Delta's log lines: it comes from the change, and must not look like lines of its own."""
    text = command.strip()
    text = text if len(text) <= limit else f"{text[:limit]} …"
    return visible(text, keep="\n\t").replace("\n", "\n    ")


def _terminate(sandbox: Sandbox) -> None:
    try:
        sandbox.terminate()
    except InfrastructureError:
        return  # the kill that follows does not need it
