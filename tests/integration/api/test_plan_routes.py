"""How good plans are, over HTTP; a miss that is none is closed by who has the token."""

from __future__ import annotations

from cluster.store.store import Store
from models.history import Audit, Found, Miss
from models.ids import JobId, RunId
from tests.integration.api.conftest import Api

MISS = Miss(
    repository="ada/kitchen",
    run=RunId("r1"),
    job=JobId("test"),
    test="tests/test_a.py",
    changed=("src/a.py",),
    found=Found.DEFAULT_BRANCH,
    at=1.0,
)


async def test_recall_and_misses_are_shown_by_repository_and_for_all(api: Api, store: Store) -> None:
    audit = Audit(run=RunId("r1"), repository="ada/kitchen", at=1.0, whole=True, caught=3, missed=1)
    await store.lessons.note_audit(audit)
    await store.lessons.note_miss(MISS)
    mine = (await api.client.get("/v1/plans/health", params={"repository": "ada/kitchen"})).json()
    assert (mine["recall"]["caught"], mine["recall"]["missed"], mine["recall"]["share"]) == (3, 1, 0.75)
    assert 0 < mine["recall"]["low"] < 0.75 < mine["recall"]["high"] < 1
    assert [(miss["key"], miss["changed"]) for miss in mine["open"]] == [(MISS.key, ["src/a.py"])]
    other = (await api.client.get("/v1/plans/health", params={"repository": "eve/x"})).json()
    assert (other["recall"]["share"], other["open"]) == (None, [])
    everyone = (await api.client.get("/v1/plans/health")).json()
    assert (everyone["repository"], len(everyone["open"])) == (None, 1)


async def test_a_miss_is_dismissed_by_its_key(api: Api, store: Store) -> None:
    await store.lessons.note_miss(MISS)
    answer = await api.client.post("/v1/plans/misses/dismiss", json={"key": MISS.key, "by": "ada"})
    assert answer.status_code == 200
    assert answer.json()["dismissed_by"] == "ada"
    (closed,) = await store.lessons.misses()
    assert not closed.open
    again = await api.client.post("/v1/plans/misses/dismiss", json={"key": MISS.key, "by": "eve"})
    assert again.json()["dismissed_by"] == "ada"
    unknown = await api.client.post("/v1/plans/misses/dismiss", json={"key": "r9.test.x"})
    assert unknown.status_code == 404
    assert unknown.json()["remedy"] == "`delta plan --health` lists them"


async def test_nobody_else_may_do_either(api: Api) -> None:
    assert (await api.stranger.get("/v1/plans/health")).status_code == 401
    assert (await api.stranger.post("/v1/plans/misses/dismiss", json={"key": "x"})).status_code == 401
