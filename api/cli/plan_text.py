"""A plan for reading: what runs, what does not, why, and what that saves."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from api.cli.plain import plain
from models.errors import NotFound
from models.plan import Plan, Reason, TestSelection

_SHOWN_TESTS = 10


def print_plan(console: Console, plan: Plan, explain: str = "") -> None:
    """The whole plan; with `explain`, what it says of that job or test. Raises `NotFound` where it says nothing."""
    if explain:
        _explain(console, plan, explain)
        return
    against = f"against {plan.merge_base[:12]}" if plan.merge_base else "with nothing to compare with"
    files = f"{len(plan.changed)} file{'s' if len(plan.changed) != 1 else ''} changed"
    console.print(Text.assemble(("Plan", "bold"), f" for {plan.head[:12]} from {plan.source}: {files} {against}"))
    if plan.held:
        console.print(Text(f"  ‖ nothing runs yet: {plain(plan.held)}", style="yellow"))
    for job in plan.jobs:
        told = (_counted(job.tests) if job.tests else "") + (", may fail" if job.spec.allow_failure else "")
        _job(console, "▶", "green", job.spec.id, f"runs{told}", job.reasons)
        for command in job.spec.run:
            console.print(Text(f"      $ {plain(command)}", style="cyan"))
        _tests(console, job.tests)
    for refused in plan.refused:
        _job(console, "✗", "bold red", refused.id, "refused", refused.reasons)
    for left_out in plan.skipped:
        told = f", all {left_out.tests.total} tests" if left_out.tests else ""
        told += "; required, and counts as passed" if left_out.id in plan.required else ""
        _job(console, "○", "dim", left_out.id, f"skipped{told}", left_out.reasons)
    for note in plan.notes:
        console.print(Text(f"  note: {plain(note)}", style="dim"))
    console.print(Text(f"  {_saved(plan)}; policy {plan.policy}, digest {plan.digest[:12]}", style="dim"))


def _job(console: Console, sign: str, style: str, job: str, what: str, reasons: Iterable[Reason]) -> None:
    console.print(Text.assemble((f"  {sign} {job}", style), f"  {what}"))
    for reason in reasons:
        console.print(Text(f"      {plain(reason.rule)}: {plain(reason.evidence)}", style="dim"))


def _counted(tests: TestSelection) -> str:
    if not tests.skipped:
        return f" whole, {tests.total} test{'s' if tests.total != 1 else ''}"
    return f" {len(tests.selected)} of {tests.total} tests, {_share(len(tests.skipped), tests.total)} skipped"


def _tests(console: Console, tests: TestSelection | None) -> None:
    """The selected tests, each with the first of its reasons; not where all run anyway."""
    if tests is None or not tests.skipped:
        return
    for test in tests.selected[:_SHOWN_TESTS]:
        console.print(Text.assemble(f"      {plain(test.path)}", (f"  {_first(test.reasons)}", "dim")))
    if len(tests.selected) > _SHOWN_TESTS:
        console.print(Text(f"      and {len(tests.selected) - _SHOWN_TESTS} more; --json lists them", style="dim"))


def _first(reasons: tuple[Reason, ...]) -> str:
    return f"{plain(reasons[0].rule)}: {plain(reasons[0].evidence)}" if reasons else ""


def _saved(plan: Plan) -> str:
    tests = [*(job.tests for job in plan.jobs), *(job.tests for job in plan.skipped)]
    selections = [each for each in tests if each is not None]
    total = sum(tests.total for tests in selections)
    skipped = sum(len(tests.skipped) for tests in selections)
    jobs = f"{len(plan.skipped)} of {len(plan.jobs) + len(plan.skipped)} jobs skipped"
    return f"{jobs}, {skipped} of {total} tests ({_share(skipped, total)})" if total else jobs


def _share(part: int, whole: int) -> str:
    return f"{100 * part // whole} %"


def _explain(console: Console, plan: Plan, what: str) -> None:
    found = False
    for job in plan.jobs:
        if job.spec.id == what:
            _job(console, "▶", "green", what, f"runs{_counted(job.tests) if job.tests else ''}", job.reasons)
            _tests(console, job.tests)
            found = True
        found |= _explain_test(console, plan, job.spec.id, job.tests, what)
    for refused in plan.refused:
        if refused.id == what:
            _job(console, "✗", "bold red", what, "refused", refused.reasons)
            found = True
    for left_out in plan.skipped:
        if left_out.id == what:
            _job(console, "○", "dim", what, "skipped", left_out.reasons)
            found = True
        found |= _explain_test(console, plan, left_out.id, left_out.tests, what)
    if not found:
        raise NotFound(f"the plan has no job and no test {what!r}", remedy="`delta plan --json` lists all of them")


def _explain_test(console: Console, plan: Plan, job: str, tests: TestSelection | None, what: str) -> bool:
    """What a job's selection says of a test; whether it says anything."""
    if tests is None:
        return False
    for test in tests.selected:
        if test.path == what:
            whole = next((each.reasons for each in plan.jobs if each.spec.id == job), ())
            _job(console, "▶", "green", what, f"runs in {job}", test.reasons or whole)
            return True
    if what in tests.skipped:
        changed = ", ".join(plain(file.path) for file in plan.changed[:5])
        more = f" and {len(plan.changed) - 5} more" if len(plan.changed) > 5 else ""
        console.print(Text.assemble((f"  ○ {what}", "dim"), f"  skipped in {job}"))
        console.print(Text(f"      no way leads to it from what changed: {changed}{more}", style="dim"))
        return True
    return False
