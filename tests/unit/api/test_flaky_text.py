"""Flaky tests and the quarantine for a person, and what may not be put into it."""

from __future__ import annotations

import pytest

from actors import flaky_tests
from actors.flaky_tests import FlakyTest, set_aside, take_back
from api.cli.flaky_text import flaky_lines, quarantine_lines
from cluster.store.store import Store
from models.errors import CallerError, NotFound
from models.flaky import DAY_S, Quarantined
from models.ids import JobId

NOW = 1_700_000_000.0
ENTRY = Quarantined(
    repository="a/b", test="t\x1b[31m", job="", reason="issue 7", by="ada", since=NOW, until=NOW + DAY_S
)


def test_a_flaky_test_is_shown_with_its_rate_and_since_when() -> None:
    known = FlakyTest(
        repository="a/b",
        job=JobId("test"),
        test="tests/test_a.py::test_pay",
        score=0.987,
        low=0.004,
        high=0.08,
        failures=3,
        attempts=120,
        since=NOW,
        last=NOW + 5 * DAY_S,
        why=("failed in 3 of 120 runs", "failed and passed at the same commit 2 times"),
    )
    assert [line.plain for line in flaky_lines([known])] == [
        "tests/test_a.py::test_pay  test of a/b",
        "    failed in 3 of 120 runs, 0.4-8 % with 95 % confidence, since 2023-11-14, last on 2023-11-19",
        "    failed and passed at the same commit 2 times; 99% sure",
    ]
    assert [line.plain for line in flaky_lines([])] == ["no test is known to be flaky"]


def test_an_entry_says_when_it_ends_or_that_it_has() -> None:
    during, why = quarantine_lines([ENTRY], NOW)
    assert during.plain == "t  in quarantine in every job of a/b: until 2023-11-15"
    assert why.plain == "    issue 7 (ada, 2023-11-14)"
    after, _ = quarantine_lines([ENTRY.having(job="lint")], NOW + DAY_S)
    assert after.plain == "t  in quarantine in lint of a/b: ended 2023-11-15, it counts again"
    assert [line.plain for line in quarantine_lines([], NOW)] == ["no test is in quarantine"]


async def put(
    store: Store, test: str = "t", days: int = 5, reason: str = "r", job: str = "", repository: str = "a/b"
) -> None:
    await set_aside(store, repository, test, job=job, days=days, reason=reason, by="ada", now=NOW)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"days": 0}, "0 days"),
        ({"days": 91}, "91 days"),
        ({"test": "t" * 301}, "the test"),
        ({"test": "t\n"}, "the test"),
        ({"reason": ""}, "the reason"),
        ({"repository": " "}, "the repository"),
        ({"job": "\x1b"}, "no job"),
    ],
)
async def test_what_has_no_end_or_no_meaning_is_refused(asked: dict[str, object], said: str) -> None:
    store = Store.in_memory()
    with pytest.raises(CallerError, match=said):
        await put(store, **asked)  # type: ignore[arg-type]  # each value is of its parameter's type
    assert await store.quarantine.entries() == []


async def test_the_list_of_a_repository_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flaky_tests, "MOST_ENTRIES", 2)
    store = Store.in_memory()
    await put(store, "a")
    await put(store, "b")
    await put(store, "b", days=9)  # there already: another end
    await put(store, "c", repository="c/d")
    with pytest.raises(CallerError, match="2 tests in quarantine"):
        await put(store, "c")
    await take_back(store, "a/b", "a", "")
    await put(store, "c")
    with pytest.raises(NotFound):
        await take_back(store, "a/b", "a", "")
