from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.webhooks.signature import GITHUB
from cluster.store.store import Store
from models.change import ChangeKind, Trust
from models.inbox import Submit
from models.settings import GitHubSettings, Settings
from tests.e2e.forge.material import webhook_examples
from tests.integration.api.conftest import SECRET, Api

PATH = "/webhooks/github"


def headers(event: str, body: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": GITHUB.sign(secret, body),
    }


async def send(api: Api, event: str, body: bytes, **changes: Any) -> httpx.Response:
    return await api.stranger.post(PATH, content=body, headers=headers(event, body, **changes))


def example(event: str, action: str | None = None) -> dict[str, Any]:
    """The first of octokit's examples of that event; for a push, of a branch."""
    for name, payload in webhook_examples():
        if name == event and (payload.get("action") == action if action else "refs/heads/" in payload.get("ref", "")):
            return payload
    raise AssertionError(f"no example of {event} {action}")


async def test_every_octokit_example_is_taken_or_left(api: Api, store: Store) -> None:
    examples = webhook_examples()
    assert len(examples) == 329
    answers: Counter[int] = Counter()
    for number, (event, payload) in enumerate(examples):
        answer = await send(api, event, json.dumps(payload).encode(), delivery=f"d-{number}")
        assert answer.status_code in {202, 204}, (event, payload.get("action"), answer.text)
        answers[answer.status_code] += 1
    # By hand from the package: 10 pull_request examples with an action that starts a run, 2 pushes to a branch, 2 merge
    # groups that ask for checks. The checks to run again are another App's.
    assert answers == {202: 14, 204: 315}
    assert len(await store.inbox.take()) == 14


async def test_pull_request_is_durable_before_it_is_answered(api: Api, store: Store) -> None:
    body = json.dumps(example("pull_request", "opened")).encode()
    answer = await send(api, "pull_request", body, delivery="guid-1")
    assert answer.status_code == 202
    ((_, message),) = await store.inbox.take()
    assert isinstance(message, Submit)
    assert answer.json() == {"run": message.change.run_id()}
    change = message.change
    assert (change.kind, change.trust, change.number) == (ChangeKind.PULL_REQUEST, Trust.TRUSTED, 2)
    assert change.delivery == "guid-1"


async def test_same_delivery_twice_is_the_same_run_and_stored_once(api: Api, store: Store) -> None:
    body = json.dumps(example("pull_request", "opened")).encode()
    first = await send(api, "pull_request", body)
    second = await send(api, "pull_request", body)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(await store.inbox.take()) == 1


async def test_push_to_a_branch(api: Api, store: Store) -> None:
    answer = await send(api, "push", json.dumps(example("push")).encode())
    assert answer.status_code == 202
    ((_, message),) = await store.inbox.take()
    assert isinstance(message, Submit)
    assert (message.change.kind, message.change.head_ref, message.change.base) == (ChangeKind.PUSH, "master", None)


@pytest.mark.parametrize("header", [None, "", "sha1=00", "sha256=", "sha256=" + "0" * 64, "0" * 64, "sha256=ünïcode"])
async def test_wrong_signature(api: Api, store: Store, header: str | None) -> None:
    sent = headers("push", b"{}")
    del sent["X-Hub-Signature-256"]
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    if header is not None:
        raw.append((b"X-Hub-Signature-256", header.encode()))
    answer = await api.stranger.post(PATH, content=b"{}", headers=raw)
    assert answer.status_code == 401
    assert answer.json()["error"]
    assert await store.inbox.take() == []


async def test_signature_of_another_body(api: Api) -> None:
    answer = await api.stranger.post(PATH, content=b'{"a":2}', headers=headers("push", b'{"a":1}'))
    assert answer.status_code == 401
    assert "differ" in answer.json()["remedy"]


async def test_rest_token_does_not_replace_the_signature(api: Api) -> None:
    answer = await api.client.post(PATH, content=b"{}", headers={"X-GitHub-Event": "push"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"payload=%7B%7D", "not JSON"),
        (b'{"action":"opened"', "not JSON"),
        (b'{"a":"\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "action: Field required"),
        (b'{"action":"opened"}', "pull_request: Field required"),
        (b'{"action":"opened","pull_request":{"number":0}}', "pull_request.number"),
    ],
)
async def test_malformed_body_names_the_field(api: Api, body: bytes, told: str) -> None:
    answer = await send(api, "pull_request", body)
    assert answer.status_code == 422
    assert told in answer.json()["error"]


async def test_event_header_is_needed(api: Api) -> None:
    answer = await send(api, "", b"{}")
    assert answer.status_code == 422
    assert "X-GitHub-Event" in answer.json()["error"]


async def test_event_that_is_not_handled(api: Api) -> None:
    answer = await send(api, "ping", b'{"zen":"Keep it logically awesome."}')
    assert (answer.status_code, answer.content) == (204, b"")


async def test_body_over_the_limit_in_chunks_of_unannounced_length(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 65_536

    answer = await api.stranger.post(PATH, content=chunks(), headers=headers("push", b""))
    assert answer.status_code == 413
    assert "DELTA_API__MAX_BODY_MB" in answer.json()["remedy"]


def test_body_over_the_limit_is_refused_by_its_announced_length(api: Api) -> None:
    lines = ["POST /webhooks/github HTTP/1.1", "Host: x", f"Content-Length: {3 * 1024 * 1024}"]
    lines += [f"{name}: {value}" for name, value in headers("push", b"").items()]
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")  # though not a byte of the body was sent


async def test_body_at_the_limit_is_read(api: Api) -> None:
    body = b'{"action":"labeled","padding":"' + b"x" * (2 * 1024 * 1024 - 33) + b'"}'
    assert len(body) == 2 * 1024 * 1024
    answer = await send(api, "pull_request", body)
    assert answer.status_code == 204


class TestWithoutSecret:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(github=GitHubSettings(webhook_secret=SecretStr("")))

    async def test_refuses_and_says_what_to_set(self, api: Api, store: Store) -> None:
        answer = await send(api, "push", b"{}", secret="")
        assert answer.status_code == 401
        assert "DELTA_GITHUB__WEBHOOK_SECRET" in answer.json()["remedy"]
        assert await store.inbox.take() == []
