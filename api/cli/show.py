"""What `delta run` prints: the plan with its reasons, the logs, the verdict, and the comment as a forge would show it.

Everything that comes from a change or a log is printed as text: no markup of it comes alive, no control character
reaches the terminal.
"""

from __future__ import annotations

import re

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from actors.reporter.render import comment, ran_unsafely
from api.cli.plain import plain
from models.events import Event, EventKind
from models.ids import JobId
from models.logs import LogChunk, LogSource
from models.machines import RunState
from models.plan import Plan, Reason
from models.run import Run
from models.settings import SandboxSettings
from sandbox.attempt import UNSAFE

_HIDDEN = re.compile(r"<!--.*?-->\n?|</?details>|</?summary>")

_STYLES = {
    RunState.PASSED: "bold green",
    RunState.FAILED: "bold red",
    RunState.CANCELLED: "bold yellow",
    RunState.ERRORED: "bold magenta",
}
_ALARM = "bold white on red"
_TOLD = {
    EventKind.JOB_RETRIED: "tried again",
    EventKind.JOB_FINISHED: "",
}


class Screen:
    """Prints one run. Log lines of several jobs may interleave; each line carries its job's name."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._partial: dict[JobId, str] = {}

    def plan(self, plan: Plan) -> None:
        """Which jobs run, which do not, and why."""
        against = f"against {plan.merge_base[:12]}" if plan.merge_base else "with nothing to compare with"
        files = f"{len(plan.changed)} file{'s' if len(plan.changed) != 1 else ''} changed"
        self._console.print(Text.assemble(("Plan", "bold"), f" from {plan.source}: {files} {against}"))
        for job in plan.jobs:
            what = "runs, and may fail" if job.spec.allow_failure else "runs"
            self._job("▶", "green", job.spec.id, what, job.reasons)
        for refused in plan.refused:
            self._job("✗", "bold red", refused.id, "refused", refused.reasons)
        for left_out in plan.skipped:
            what = "skipped, and counts as passed" if left_out.id in plan.required else "skipped"
            self._job("○", "dim", left_out.id, what, left_out.reasons)
        for note in plan.notes:
            self._console.print(Text(f"  note: {plain(note)}", style="dim"))

    def event(self, event: Event) -> None:
        """One line for what a person waits for; nothing for the rest."""
        told = _TOLD.get(event.kind)
        if told is not None and event.job is not None:
            self._flush(event.job)
            text = " ".join(filter(None, [told, event.detail]))
            self._console.print(Text.assemble(_prefix(event.job), (plain(text), "bold")), soft_wrap=True)

    def log(self, job: JobId, chunk: LogChunk) -> None:
        """A piece of a job's log, printed by whole lines."""
        lines = (self._partial.pop(job, "") + chunk.text).split("\n")
        if lines[-1]:
            self._partial[job] = lines[-1]
        for line in lines[:-1]:
            self._line(job, line, chunk.source)

    def verdict(self, run: Run) -> None:
        """How it ended, and the comment a pull request would get."""
        for job in list(self._partial):
            self._flush(job)
        if ran_unsafely(run):
            self._console.print(Text("UNSAFE: a job ran without gVisor's protection", style=_ALARM))
        shown = _HIDDEN.sub("", comment(run, "")).strip()
        title = Text("the comment on the pull request")
        self._console.print()
        self._console.print(Panel(Markdown(shown), title=title, title_align="left", border_style="dim"))
        style = _STYLES.get(run.state, "bold")
        took = f" in {run.finished_at - run.created_at:.1f} s" if run.finished_at is not None else ""
        self._console.print(Text.assemble((run.state.upper(), style), f"{took}  run {run.id}"))
        if run.detail:
            self._console.print(Text(plain(run.detail)))

    def _job(self, sign: str, style: str, job: JobId, what: str, reasons: tuple[Reason, ...]) -> None:
        head = Text.assemble((f"  {sign} {job}", style), f"  {what}")
        self._console.print(head)
        for reason in reasons:
            self._console.print(Text(f"      {plain(reason.rule)}: {plain(reason.evidence)}", style="dim"))

    def _flush(self, job: JobId) -> None:
        if line := self._partial.pop(job, ""):
            self._line(job, line, LogSource.JOB)

    def _line(self, job: JobId, line: str, source: LogSource) -> None:
        style = "" if source is LogSource.JOB else _ALARM if UNSAFE in line else "cyan"
        self._console.print(Text.assemble(_prefix(job), (plain(line), style)), soft_wrap=True)


def warn_if_unsafe(console: Console, settings: SandboxSettings) -> None:
    """One line, in red, wherever jobs are about to run without gVisor because somebody said so."""
    if settings.unsafe_runtime:
        told = f"{UNSAFE} (DELTA_SANDBOX__UNSAFE_RUNTIME is {settings.unsafe_runtime!r}): jobs reach the host's kernel"
        console.print(Text(told, style=_ALARM))


def _prefix(job: JobId) -> tuple[str, str]:
    return f"{job} │ ", "dim"
