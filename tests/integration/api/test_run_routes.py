from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.services import Services
from cluster.store.store import Store
from cluster.vault import Vault
from models.ids import CommitId
from models.inbox import Approve, Cancel, Rerun, Submit
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.run import Run
from models.settings import Settings
from tests.integration.api.conftest import TOKEN, Api
from tests.unit.reporter import sample_runs as runs

HEAD = "a" * 40
BODY = {"repository": "https://git.example/o/r.git", "head": HEAD, "base": "b" * 40}


async def stored(store: Store, run: Run) -> Run:
    """That run as a record in the store, whatever state it is in."""
    return await store.runs.commit(Decision(run=run.having(version=0)))


async def test_submit_is_durable_before_it_is_answered(api: Api, store: Store) -> None:
    answer = await api.client.post("/v1/runs", json=BODY)
    assert answer.status_code == 202
    ((_, message),) = await store.inbox.take()
    assert isinstance(message, Submit)
    assert answer.json() == {"run": message.change.run_id()}
    assert (message.change.repository, message.change.head, message.change.base) == ("o/r", HEAD, "b" * 40)


async def test_each_submission_is_a_run_of_its_own_unless_it_repeats_a_key(api: Api) -> None:
    plain = [(await api.client.post("/v1/runs", json=BODY)).json()["run"] for _ in range(2)]
    keyed = [
        (await api.client.post("/v1/runs", json=BODY, headers={"Idempotency-Key": "k"})).json()["run"] for _ in range(2)
    ]
    assert len({*plain, *keyed}) == 3


async def test_runs_are_listed_newest_first(api: Api, store: Store) -> None:
    for age in range(3):
        change = runs.pull_request(head=CommitId(str(age) * 40))
        await store.runs.commit(create(change, runs.NOW + age))
    answer = await api.client.get("/v1/runs", params={"limit": 2})
    assert answer.status_code == 200
    assert [run["change"]["head"][0] for run in answer.json()] == ["2", "1"]
    assert (await api.client.get("/v1/runs", params={"limit": 0})).status_code == 422


async def test_run_is_shown_with_everything_but_the_secrets(api: Api, store: Store) -> None:
    run = await stored(store, runs.failed())
    answer = await api.client.get(f"/v1/runs/{run.id}")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["state"] == "failed"
    assert shown["plan"]["source"] == ".delta.yml"
    (job,) = shown["jobs"]
    assert job["reasons"] == [{"rule": "paths", "evidence": "src/app.py changed", "score": 1.0}]
    assert job["attempts"][0]["runner"] == "runner-1"
    assert job["attempts"][0]["result"]["exit_code"] == 1
    assert job["explanation"]["finding"]["category"] == "test"
    assert "**Delta: failed**" in shown["comment"]
    assert f"https://ci.example/v1/runs/{run.id}" in shown["comment"]
    for hidden in (runs.TOKEN, "lease", "token", run.change.clone_url, "installation"):
        assert hidden not in answer.text


async def test_lease_token_of_a_running_job_is_nowhere(api: Api, store: Store) -> None:
    run = await stored(store, runs.started(runs.running()))
    for path in ("/v1/runs", f"/v1/runs/{run.id}", f"/v1/runs/{run.id}/events"):
        answer = await api.client.get(path)
        assert answer.status_code == 200
        assert runs.TOKEN not in answer.text


async def test_run_without_a_plan_yet(api: Api, store: Store) -> None:
    run = await stored(store, runs.created())
    shown = (await api.client.get(f"/v1/runs/{run.id}")).json()
    assert (shown["plan"], shown["jobs"], shown["state"]) == (None, [], "planning")


async def test_events_in_order_and_from_where_a_reader_was(api: Api, store: Store) -> None:
    run = await store.runs.commit(create(runs.pull_request(), runs.NOW))
    decision = planned(run, runs.plan(runs.spec("test")), runs.NOW + 1)
    assert decision is not None
    await store.runs.commit(decision)
    told = (await api.client.get(f"/v1/runs/{run.id}/events")).json()
    assert [event["kind"] for event in told] == ["run_created", "run_planned", "job_queued"]
    rest = await api.client.get(f"/v1/runs/{run.id}/events", params={"after": told[0]["id"]})
    assert rest.json() == told[1:]


async def test_rerun_is_a_message_to_the_orchestrator_and_an_unknown_job_is_said_at_once(
    api: Api, store: Store
) -> None:
    run = await stored(store, runs.failed())
    job = run.jobs[0].id
    answer = await api.client.post(f"/v1/runs/{run.id}/rerun", json={"which": f"job:{job}"})
    assert (answer.status_code, answer.json()) == (202, {"run": run.id})
    ((_, message),) = await store.inbox.take()
    assert message == Rerun(run=run.id, which=f"job:{job}", by="the API")
    assert (await api.client.post(f"/v1/runs/{run.id}/rerun", json={"which": "job:nope"})).status_code == 404
    assert (await api.client.post(f"/v1/runs/{run.id}/rerun", json={"which": "some"})).status_code == 422


async def test_approve_is_a_message_for_a_run_that_waits_and_a_callers_error_for_any_other(
    api: Api, store: Store
) -> None:
    held = planned(runs.created(), runs.plan(runs.spec("test")).having(held="a fork"), runs.NOW)
    assert held is not None
    run = await stored(store, held.run)
    answer = await api.client.post(f"/v1/runs/{run.id}/approve")
    assert (answer.status_code, answer.json()) == (202, {"run": run.id})
    ((_, message),) = await store.inbox.take()
    assert message == Approve(run=run.id, by="the API")
    assert (await api.client.post("/v1/runs/r0/approve")).status_code == 404


async def test_a_run_that_does_not_wait_cannot_be_approved(api: Api, store: Store) -> None:
    run = await stored(store, runs.running())
    answer = await api.client.post(f"/v1/runs/{run.id}/approve")
    assert answer.status_code == 400
    assert "does not wait for approval" in answer.json()["error"]
    assert await store.inbox.take() == []


async def test_cancel_is_a_message_to_the_orchestrator(api: Api, store: Store) -> None:
    run = await stored(store, runs.running())
    answer = await api.client.post(f"/v1/runs/{run.id}/cancel")
    assert (answer.status_code, answer.json()) == (202, {"run": run.id})
    ((_, message),) = await store.inbox.take()
    assert message == Cancel(run=run.id, by="the API")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/runs/r0"),
        ("GET", "/v1/runs/r0/events"),
        ("POST", "/v1/runs/r0/cancel"),
        ("POST", "/v1/runs/r0/rerun"),
        ("POST", "/v1/runs/r0/approve"),
        ("GET", "/v1/runs/r0/jobs/test/log"),
        ("GET", "/v1/nothing"),
    ],
)
async def test_what_is_not_there_is_404_in_the_one_shape(api: Api, store: Store, method: str, path: str) -> None:
    answer = await api.client.request(method, path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "remedy"}
    assert await store.inbox.take() == []


@pytest.mark.parametrize(
    "path", ["/v1/runs", "/v1/runs/r0", "/v1/runs/r0/events", "/v1/runs/r0/cancel", "/v1/runs/r0/jobs/test/log"]
)
async def test_everything_under_v1_needs_the_token(api: Api, path: str) -> None:
    for header in (None, "Bearer", "Bearer wrong", "Basic YTpi", f"bearer{TOKEN}", TOKEN, "Bearer ünï"):
        headers = {} if header is None else {b"Authorization": header.encode()}
        answer = await api.stranger.request("POST" if path.endswith("cancel") else "GET", path, headers=headers)
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert set(answer.json()) == {"error", "remedy"}


async def test_stranger_submits_nothing(api: Api, store: Store) -> None:
    assert (await api.stranger.post("/v1/runs", json=BODY)).status_code == 401
    assert await store.inbox.take() == []


async def test_health_and_documentation_are_open(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert (await api.stranger.get(path)).status_code == 200


async def test_every_operation_under_v1_asks_for_the_token_in_the_documentation(api: Api) -> None:
    document: dict[str, Any] = (await api.stranger.get("/openapi.json")).json()
    operations = [
        operation for path, verbs in document["paths"].items() if path.startswith("/v1") for operation in verbs.values()
    ]
    assert len(operations) == 20
    assert all(operation["security"] for operation in operations)


async def test_without_redis_it_lives_but_is_not_ready() -> None:
    services = Services(
        settings=Settings(),
        store=Store.connect("unix:///nowhere/redis.sock"),
        token=TOKEN,
        vault=Vault(Path("never/used")),
    )
    transport = httpx.ASGITransport(app=create_app(services))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        refused = await client.post("/v1/runs", json=BODY)
        assert refused.status_code == 503
        assert refused.json()["remedy"]
