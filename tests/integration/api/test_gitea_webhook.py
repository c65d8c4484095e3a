"""Gitea's and Forgejo's events from the socket to the inbox. Both send GitHub's headers as well."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from api.webhooks.signature import GITEA, GITHUB
from cluster.store.store import Store
from models.change import ChangeKind, Forge, Trust
from models.inbox import Submit
from models.settings import GiteaSettings, Settings
from tests.integration.api.conftest import SECRET, Api

PATH = "/webhooks/gitea"
EVENTS = Path(__file__).parents[2] / "unit" / "api" / "gitea_events"
PULL = (EVENTS / "pull_request_synchronized.json").read_bytes()


@pytest.fixture
def settings() -> Settings:
    return Settings(gitea=GiteaSettings(webhook_secret=SecretStr(SECRET)))


def headers(event: str, body: bytes, kinds: tuple[str, ...] = ("Gitea", "Gogs", "GitHub")) -> dict[str, str]:
    """As `services/webhook/deliver.go` of Gitea adds them; Forgejo has its own name before the others."""
    digest = GITEA.sign(SECRET, body)
    sent = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}
    for kind in kinds:
        sent |= {f"X-{kind}-Event": event, f"X-{kind}-Delivery": "f6266f16", f"X-{kind}-Event-Type": event}
        if kind != "GitHub":
            sent[f"X-{kind}-Signature"] = digest
    return sent


async def send(api: Api, body: bytes, sent: dict[str, str]) -> httpx.Response:
    return await api.stranger.post(PATH, content=body, headers=sent)


@pytest.mark.parametrize("kinds", [("Gitea", "Gogs", "GitHub"), ("Forgejo", "Gitea", "Gogs", "GitHub"), ("Forgejo",)])
async def test_new_commits_become_a_message(api: Api, store: Store, kinds: tuple[str, ...]) -> None:
    answer = await send(api, PULL, headers("pull_request", PULL, kinds))
    assert answer.status_code == 202, answer.text
    ((_, message),) = await store.inbox.take()
    assert isinstance(message, Submit)
    change = message.change
    assert (change.forge, change.kind, change.trust) == (Forge.GITEA, ChangeKind.PULL_REQUEST, Trust.TRUSTED)
    assert (change.number, change.delivery) == (1, "f6266f16")
    assert answer.json() == {"run": change.run_id()}


async def test_same_delivery_twice_is_stored_once(api: Api, store: Store) -> None:
    first, second = [await send(api, PULL, headers("pull_request", PULL)) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await store.inbox.take()) == 1


async def test_events_that_bring_nothing(api: Api, store: Store) -> None:
    closed = (EVENTS / "pull_request_closed.json").read_bytes()
    gone = json.dumps(json.loads((EVENTS / "push.json").read_bytes()) | {"after": "0" * 40}).encode()
    for event, body in (("pull_request", closed), ("push", gone), ("delete", b"{}")):
        answer = await send(api, body, headers(event, body))
        assert (answer.status_code, answer.content) == (204, b"")
    assert await store.inbox.take() == []


async def test_form_that_gitea_can_send_instead_of_json_says_what_to_set(api: Api) -> None:
    body = b"payload=%7B%7D"
    answer = await send(api, body, headers("push", body) | {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 422
    assert "application/json" in answer.json()["remedy"]


async def test_another_secret_or_another_body_is_refused(api: Api, store: Store) -> None:
    forged = headers("pull_request", PULL) | {"X-Gitea-Signature": GITEA.sign("another", PULL)}
    for body, sent in ((PULL, forged), (PULL + b" ", headers("pull_request", PULL))):
        answer = await send(api, body, sent)
        assert answer.status_code == 401
        assert "DELTA_GITEA__WEBHOOK_SECRET" in answer.json()["remedy"]
    assert await store.inbox.take() == []


async def test_giteas_event_is_not_githubs(api: Api, store: Store) -> None:
    """Sent to GitHub's route it is refused: that forge has another secret, or none."""
    sent = headers("pull_request", PULL) | {"X-Hub-Signature-256": GITHUB.sign(SECRET, PULL)}
    answer = await api.stranger.post("/webhooks/github", content=PULL, headers=sent)
    assert answer.status_code == 401
    assert await store.inbox.take() == []
