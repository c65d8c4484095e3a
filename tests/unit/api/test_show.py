"""What `delta run` prints, as text."""

from __future__ import annotations

import io

from rich.console import Console

from api.cli.show import Screen, warn_if_unsafe
from models.ids import CommitId, JobId
from models.job import JobSpec
from models.logs import LogChunk, LogSource
from models.plan import Plan, Reason, RefusedJob, SkippedJob
from models.settings import SandboxSettings
from sandbox.attempt import UNSAFE

RED = "\x1b[1;37;41m"


def screen() -> tuple[Screen, io.StringIO, Console]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=200)
    return Screen(console), out, console


def test_a_job_that_the_policy_refuses_is_shown_with_its_reason() -> None:
    shown, out, _ = screen()
    refused = RefusedJob(
        spec=JobSpec(id=JobId("deploy"), run=("true",)),
        reasons=(Reason(rule="policy", evidence="a change from a fork gets no secrets"),),
    )
    skipped = SkippedJob(id=JobId("docs"), reasons=(Reason(rule="paths", evidence="nothing there changed"),))
    plan = Plan(head=CommitId("a" * 40), merge_base=None, changed=(), source=".delta.yml", jobs=(), skipped=(skipped,))
    shown.plan(plan.having(refused=(refused,)))
    text = out.getvalue()
    assert "deploy" in text
    assert "a change from a fork gets no secrets" in text
    assert "nothing there changed" in text


def test_a_sandbox_without_gvisor_is_told_in_red() -> None:
    shown, out, console = screen()
    shown.log(JobId("test"), LogChunk(at=0.0, source=LogSource.DELTA, step=0, text=f"sandbox: {UNSAFE}, runc\n"))
    assert RED in out.getvalue()
    out.truncate(0)
    warn_if_unsafe(console, SandboxSettings(unsafe_runtime="runc"))
    assert RED in out.getvalue()


def test_nothing_is_red_with_gvisor_nor_because_a_job_says_so() -> None:
    shown, out, console = screen()
    warn_if_unsafe(console, SandboxSettings())
    shown.log(JobId("test"), LogChunk(at=0.0, source=LogSource.DELTA, step=0, text="sandbox: gVisor\n"))
    shown.log(JobId("test"), LogChunk(at=0.0, source=LogSource.JOB, step=0, text=f"sandbox: {UNSAFE}, runc\n"))
    assert RED not in out.getvalue()
