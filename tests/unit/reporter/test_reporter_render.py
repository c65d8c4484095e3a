from __future__ import annotations

from actors.reporter.render import LIMIT, MARKER, comment, written_by
from models.lifecycle.create import unplannable
from models.plan import SelectedTest, TestSelection
from models.result import Outcome
from tests.unit.reporter import sample_runs as runs


def visible(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("<!--")]


def test_passing_run_is_one_line() -> None:
    lines = visible(comment(runs.passed(), "https://ci.example"))
    assert len(lines) == 1
    assert "✅ **Delta: passed** `ec26c3e57ca3` · 1 passed · 15 s" in lines[0]
    assert f"[details](https://ci.example/v1/runs/{runs.passed().id})" in lines[0]


def test_tests_that_were_not_needed_are_counted() -> None:
    run = runs.passed()
    assert run.plan is not None
    selected = tuple(SelectedTest(path=f"test_{number}.py", reasons=()) for number in range(3))
    first, *rest = run.plan.jobs
    chosen = first.having(tests=TestSelection(selected=selected, skipped=(), total=10))
    plan = run.plan.having(jobs=(chosen, *rest))
    assert "7 of 10 tests not needed" in visible(comment(run.having(plan=plan), ""))[0]
    assert "not needed" not in comment(run, "")


def test_no_link_without_a_public_address() -> None:
    assert "](" not in comment(runs.passed(), "")


def test_begins_with_the_marker_and_says_which_run_wrote_it() -> None:
    text = comment(runs.passed(), "")
    assert text.startswith(MARKER)
    assert written_by(text) == (runs.passed().id, runs.NOW)


def test_text_of_somebody_else_was_written_by_no_run() -> None:
    assert written_by("<!-- delta-ci -->\nhello") is None


def test_failing_run_shows_jobs_with_reasons_and_the_explanation() -> None:
    text = comment(runs.failed(), "")
    assert "❌ **Delta: failed**" in text
    assert "| `test` | ❌ failed in 12 s: exit code 1 | paths: src/app.py changed |" in text
    assert "### `test`" in text
    assert "assert 1 == 2" in text


def test_failed_job_without_explanation_says_so() -> None:
    assert "An explanation is being worked out." in comment(runs.ended(runs.running(), runs.FAILED), "")


def test_skipped_jobs_have_their_reason() -> None:
    text = comment(runs.ended(runs.running(skipped=("docs",)), runs.FAILED), "")
    assert "Skipped by the plan: 1" in text
    assert "- `docs`: paths: nothing under docs/ changed" in text


def test_what_the_planner_noted_is_shown_and_inert() -> None:
    run = runs.ended(runs.running(), runs.FAILED)
    assert run.plan is not None
    text = comment(run.having(plan=run.plan.having(notes=("`test`: for a fork, image come from @base",))), "")
    assert "for a fork, image come from" in text
    assert "@base" not in text


def test_job_that_could_not_run_is_told_apart_from_a_failed_one() -> None:
    text = comment(runs.ended(runs.running(), runs.REFUSED), "")
    assert "**Delta: errored**" in text
    assert "no gVisor runtime here" in text


def test_run_that_could_not_be_planned_says_why() -> None:
    decision = unplannable(runs.created(), "`.delta.yml` line 3: unknown key `runn`", runs.NOW + 1)
    assert decision is not None
    assert "line 3: unknown key" in comment(decision.run, "")


def test_unsafe_runtime_is_shown_even_when_all_is_well() -> None:
    unsafe = runs.PASSED.having(outcome=Outcome.PASSED, unsafe=True)
    assert "without gVisor" in comment(runs.ended(runs.running(), unsafe), "")


def test_hostile_names_and_reasons_stay_text() -> None:
    hostile = "@octocat <script> | [x](https://evil.example) #777"
    run = runs.ended(runs.running(), runs.FAILED.having(detail=hostile))
    text = comment(run, "")
    assert "@octocat" not in text
    assert "<script>" not in text
    assert "https://evil" not in text
    assert "#777" not in text
    assert len(next(row for row in text.splitlines() if row.startswith("| `test`")).split(" | ")) == 3


def test_however_much_there_is_to_say_it_fits_and_says_that_something_is_missing() -> None:
    jobs = tuple(runs.spec(f"job-{number}") for number in range(900))
    run = runs.running(*jobs)
    for number in range(3):
        run = runs.explained_as(
            runs.ended(run, runs.FAILED, f"job-{number}"), runs.finding(excerpt="x\n" * 60_000), f"job-{number}"
        )
    text = comment(run, "")
    assert len(text) <= LIMIT
    assert "do not fit" in text or "(cut)" in text


def test_same_run_gives_the_same_text() -> None:
    assert comment(runs.failed(), "") == comment(runs.failed(), "")
