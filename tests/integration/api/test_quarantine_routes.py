"""Flaky tests and the quarantine over HTTP: seen and changed by whoever has the token, and by nobody else."""

from __future__ import annotations

import time

import pytest

from cluster.store.store import Store
from models.flaky import DAY_S, SuiteAttempt
from models.ids import AttemptId, JobId
from tests.integration.api.conftest import Api

REPOSITORY = "octocat/hello"
TEST = "tests/test_a.py::test_pay"
ENTRY = {"repository": REPOSITORY, "test": TEST, "days": 3, "reason": "issue 7", "by": "ada"}


async def test_a_test_is_set_aside_listed_and_taken_back(api: Api) -> None:
    answer = await api.client.post("/v1/quarantine", json=ENTRY)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["until"] - shown["since"] == 3 * DAY_S
    assert shown["since"] == pytest.approx(time.time(), abs=60)
    assert (shown["ended"], shown["by"]) == (False, "ada")
    again = (await api.client.post("/v1/quarantine", json={**ENTRY, "days": 90})).json()
    assert (await api.client.get("/v1/quarantine")).json() == [again]
    assert (await api.client.get("/v1/quarantine", params={"repository": "other/one"})).json() == []
    which = {"repository": REPOSITORY, "test": TEST}
    assert (await api.client.delete("/v1/quarantine", params={**which, "job": "lint"})).status_code == 404
    assert (await api.client.delete("/v1/quarantine", params=which)).status_code == 204
    assert (await api.client.delete("/v1/quarantine", params=which)).status_code == 404
    assert (await api.client.get("/v1/quarantine")).json() == []


@pytest.mark.parametrize(
    "change",
    [{"days": 0}, {"days": 91}, {"reason": " "}, {"reason": "a\nb"}, {"test": ""}, {"test": "x" * 301}, {"more": 1}],
)
async def test_an_entry_without_an_end_or_a_meaning_is_refused(api: Api, change: dict[str, object]) -> None:
    answer = await api.client.post("/v1/quarantine", json={**ENTRY, **change})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]
    assert (await api.client.get("/v1/quarantine")).json() == []


async def test_a_stranger_may_do_nothing(api: Api, store: Store) -> None:
    which = {"repository": REPOSITORY, "test": TEST}
    await api.client.post("/v1/quarantine", json=ENTRY)
    assert (await api.stranger.post("/v1/quarantine", json=ENTRY)).status_code == 401
    assert (await api.stranger.get("/v1/quarantine")).status_code == 401
    assert (await api.stranger.get("/v1/flaky")).status_code == 401
    assert (await api.stranger.delete("/v1/quarantine", params=which)).status_code == 401
    assert len(await store.quarantine.entries()) == 1


async def test_known_flaky_tests_are_shown_with_their_rate(api: Api, store: Store) -> None:
    for number in range(30):
        failed = (TEST,) if number % 10 == 5 else ()
        told = SuiteAttempt(
            id=AttemptId(f"r{number}.test.1"),
            commit=f"{number:040x}",
            number=1,
            at=1000.0 + number,
            failures=len(failed),
            failed=failed,
            whole=not failed,
        )
        await store.suites.tell(REPOSITORY, JobId("test"), told)
    await api.client.post("/v1/quarantine", json=ENTRY)
    shown = (await api.client.get("/v1/flaky", params={"repository": REPOSITORY})).json()
    (test,) = shown["flaky"]
    assert (test["test"], test["job"], test["failures"], test["attempts"]) == (TEST, "test", 3, 30)
    assert (test["since"], test["last"]) == (1005.0, 1025.0)
    assert 0 < test["low"] < 0.1 < test["high"] < 0.4
    assert [each["test"] for each in shown["quarantine"]] == [TEST]
    assert (await api.client.get("/v1/flaky", params={"repository": "other/one"})).json()["flaky"] == []
