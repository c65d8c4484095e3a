"""Flaky or broken: what histories of each kind are called, and what no history may bring about."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.flaky import bad_machines, count, interval, judge
from models.flaky import TestOutcome, TestRun


def runs(text: str, suite_failures: int = 1, passes_before: int = 0) -> list[TestRun]:
    """One commit a word, one attempt a letter: `p` passes, `f` fails. `passes_before` come before the first."""
    made: list[TestRun] = []
    for commit, word in enumerate(text.split()):
        for attempt, letter in enumerate(word, 1):
            failed = letter == "f"
            made.append(
                TestRun(
                    commit=str(commit),
                    attempt=attempt,
                    outcome=TestOutcome.FAIL if failed else TestOutcome.PASS,
                    suite_failures=suite_failures if failed else 0,
                    passes_before=0 if made else passes_before,
                )
            )
    return made


@pytest.mark.parametrize(
    "history",
    [
        "p fp p",  # failed, and passed when it was tried again
        "p f p p p f p p f p",
        "ff fp pf ff p",
        "fp fp",
    ],
)
def test_what_fails_by_chance_is_flaky(history: str) -> None:
    judged = judge(runs(history))
    assert judged.flaky
    assert judged.score > 0.5


@pytest.mark.parametrize(
    "history",
    [
        "p p p p",
        "p f p",
        "p f f f f p p p",
        "p ff ff ff p p",
        "f f f",
        "p p p p f",
        "ff",
    ],
)
def test_one_stretch_of_failures_is_not(history: str) -> None:
    assert not judge(runs(history, passes_before=30)).flaky


def test_two_regressions_far_apart_are_less_telling_than_many_short_failures() -> None:
    """Each has 3 stretches; what takes commits and attempts to end is rather a thing that is repaired."""
    stretches = judge(runs("p " * 60 + "ff ff ff ff " + "p " * 60 + "ff ff ff ff ff " + "p " * 60 + "ff ff ff p"))
    single = judge(runs("p " * 60 + "fp " + "p " * 60 + "fp " + "p " * 60 + "fp p"))
    assert single.flaky
    assert not stretches.flaky
    assert stretches.score < single.score


def test_a_failure_among_many_others_says_little() -> None:
    alone, together = judge(runs("p fp p", passes_before=100)), judge(runs("p fp p", 80, passes_before=100))
    assert alone.flaky
    assert not together.flaky
    assert "perhaps the machine" in " ".join(together.why)


def test_many_failures_are_usual_where_the_suite_always_has_many() -> None:
    usual = [run.having(suite_failures=40) for run in runs("p fp p p fp p", passes_before=100)]
    assert judge(usual).flaky
    assert max(bad_machines(usual)) < 0.1


def test_why_is_said_in_words() -> None:
    assert judge(runs("p fp p fp p", passes_before=10)).why == (
        "failed in 2 of 17 runs",
        "failed and passed at the same commit 2 times",
        "failed 2 separate times with passes between",
    )
    assert judge(runs("p f p")).why[-1] == "one stretch of failures: a commit that broke it looks the same"
    assert judge(runs("p")).why == ("it has not failed",)
    assert judge([]).why == ("it has not failed",)


def test_counting() -> None:
    tally = count(runs("fp ff p f", passes_before=3))
    assert (tally.attempts, tally.failures, tally.flips, tally.episodes) == (9, 4, 1, 3)
    assert count(runs("p f", passes_before=0)).episodes == 1
    later = [*runs("f"), *[run.having(commit="9") for run in runs("f", passes_before=5)]]
    assert count(later).episodes == 2  # the passes between them were left out, and counted


def test_wilsons_interval() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    low, high = interval(6, 41)
    assert (round(low, 3), round(high, 3)) == (0.069, 0.284)


def test_the_rate_of_many_tests_lies_in_its_interval_nearly_always() -> None:
    """95 % is promised: 190 of 200, give or take what chance allows."""
    chance = random.Random(7)  # noqa: S311 - the same histories each time
    inside = total = 0
    while total < 200:
        rate = 10 ** chance.uniform(-2, -0.3)
        history = " ".join(
            "".join("f" if chance.random() < rate else "p" for _ in range(chance.choice([1, 1, 2]))) for _ in range(150)
        )
        judged = judge(runs(history))
        if judged.flaky:
            total += 1
            inside += judged.interval[0] * 0.93 <= rate <= judged.interval[1] * 1.07  # the grid's step
    assert inside >= 180


@st.composite
def histories(draw: st.DrawFn) -> list[TestRun]:
    words = draw(st.lists(st.text("pf", min_size=1, max_size=3), max_size=30))
    made = runs(" ".join(words))
    return [
        run.having(suite_failures=draw(st.integers(1, 5000)), passes_before=draw(st.integers(0, 3000)))
        if run.outcome is TestOutcome.FAIL or draw(st.booleans())
        else run
        for run in made
    ]


@given(histories())
@settings(max_examples=200, deadline=None)
def test_any_history_has_a_sane_verdict(history: Sequence[TestRun]) -> None:
    judged = judge(history)
    assert 0 <= judged.score <= 1
    assert 0 <= judged.interval[0] <= judged.interval[1] <= 1
    assert judged.why
    tally = count(history)
    assert not judged.flaky or tally.flips or tally.episodes > 1


@given(before=st.integers(0, 500), broken=st.lists(st.integers(1, 3), min_size=1, max_size=20), after=st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_a_regression_is_never_flaky(before: int, broken: list[int], after: int) -> None:
    words = " ".join(["p", *("f" * attempts for attempts in broken), *("p" * after)])
    assert not judge(runs(words, passes_before=before)).flaky


@given(words=st.lists(st.text("pf", min_size=1, max_size=3), max_size=20), before=st.integers(0, 300))
@settings(max_examples=100, deadline=None)
def test_a_further_flip_never_makes_it_less_likely(words: list[str], before: int) -> None:
    history = " ".join(words)
    assert judge(runs(f"{history} pf", passes_before=before)).score >= judge(runs(history, passes_before=before)).score
