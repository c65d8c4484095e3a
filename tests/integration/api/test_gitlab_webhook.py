"""GitLab's webhooks over HTTP into a real inbox: by token, and signed."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.webhooks.gitlab_proof import sign
from cluster.store.store import Store
from models.change import ChangeKind, Forge, Trust
from models.inbox import Submit
from models.settings import GitLabSettings, Settings
from tests.integration.api.conftest import Api

PATH, TOKEN, KEY = "/webhooks/gitlab", "a token ü", bytes(range(32))
EXAMPLES = {
    path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[2] / "material" / "gitlab").glob("*.json"))
}
MERGE = "Merge Request Hook"


@pytest.fixture
def settings() -> Settings:
    return Settings(gitlab=GitLabSettings(webhook_secret=SecretStr(TOKEN)))


async def send(api: Api, event: str, body: bytes, **changes: str) -> httpx.Response:
    headers = {"X-Gitlab-Event": event, "X-Gitlab-Token": TOKEN, "Idempotency-Key": "k-1", **changes}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return await api.stranger.post(PATH, content=body, headers=raw)


def signed(delivery: str, body: bytes, at: float) -> dict[str, str]:
    timestamp = str(int(at))
    signature = sign(KEY, delivery, timestamp, body)
    return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signature}


async def test_examples_of_the_documentation_are_taken_or_left(api: Api, store: Store) -> None:
    answers = {
        event: (await send(api, event, body, **{"Idempotency-Key": event})).status_code
        for event, body in EXAMPLES.items()
    }
    assert answers == {MERGE: 202, "Push Hook": 202, "Tag Push Hook": 204}
    assert len(await store.inbox.take()) == 2


async def test_merge_request_is_durable_before_it_is_answered(api: Api, store: Store) -> None:
    answer = await send(api, MERGE, EXAMPLES[MERGE])
    assert answer.status_code == 202
    ((_, message),) = await store.inbox.take()
    assert isinstance(message, Submit)
    change = message.change
    assert answer.json() == {"run": change.run_id()}
    assert (change.forge, change.kind, change.trust) == (Forge.GITLAB, ChangeKind.PULL_REQUEST, Trust.TRUSTED)
    assert (change.number, change.base, change.base_ref, change.delivery) == (1, None, "master", "k-1")
    kept = message.model_dump_json()
    assert "gravatar" not in kept, "nothing is kept but what Delta reads"
    assert "admin@example.com" not in kept


async def test_same_delivery_twice_is_stored_once(api: Api, store: Store) -> None:
    first, second = await send(api, MERGE, EXAMPLES[MERGE]), await send(api, MERGE, EXAMPLES[MERGE])
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert len(await store.inbox.take()) == 1


@pytest.mark.parametrize("changes", [{"X-Gitlab-Token": "x"}, {"X-Gitlab-Token": ""}, {"webhook-signature": "v1,AAAA"}])
async def test_wrong_proof(api: Api, store: Store, changes: dict[str, str]) -> None:
    answer = await send(api, MERGE, EXAMPLES[MERGE], **changes)
    assert answer.status_code == 401
    assert answer.json()["remedy"]
    assert TOKEN not in answer.text
    assert await store.inbox.take() == []


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "not an object"), (b"{}", "object_kind: Field required")],
)
async def test_malformed_body_names_the_field(api: Api, body: bytes, told: str) -> None:
    answer = await send(api, MERGE, body)
    assert answer.status_code == 422
    assert told in answer.json()["error"]


async def test_event_header_is_needed(api: Api) -> None:
    answer = await send(api, "", b"{}")
    assert answer.status_code == 422
    assert "X-Gitlab-Event" in answer.json()["error"]


class TestSigned:
    @pytest.fixture
    def settings(self) -> Settings:
        token = f"whsec_{base64.b64encode(KEY).decode()}"
        return Settings(gitlab=GitLabSettings(webhook_secret=SecretStr(TOKEN), signing_token=SecretStr(token)))

    async def test_signed_delivery_counts_once_whatever_else_is_sent_with_it(self, api: Api, store: Store) -> None:
        body = EXAMPLES[MERGE]
        proof = signed("msg-1", body, time.time())
        for key in ("a", "b"):
            assert (await send(api, MERGE, body, **{**proof, "Idempotency-Key": key})).status_code == 202
        assert len(await store.inbox.take()) == 1

    async def test_token_alone_is_not_enough(self, api: Api, store: Store) -> None:
        assert (await send(api, MERGE, EXAMPLES[MERGE])).status_code == 401
        assert await store.inbox.take() == []

    async def test_old_signature_and_changed_body_are_refused(self, api: Api, store: Store) -> None:
        body, now = EXAMPLES[MERGE], time.time()
        other: dict[str, Any] = json.loads(body)
        other["object_attributes"]["source_project_id"] = other["object_attributes"]["target_project_id"] = 1
        assert (await send(api, MERGE, body, **signed("msg-2", body, now - 400))).status_code == 401
        changed = json.dumps(other).encode()
        assert (await send(api, MERGE, changed, **signed("msg-3", body, now))).status_code == 401
        assert await store.inbox.take() == []
