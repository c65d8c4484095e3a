from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.errors import Unauthorized, Unprocessable, status_of
from api.services import Services
from cluster.store.store import Store
from cluster.vault import Vault
from models.errors import (
    CallerError,
    ChangeError,
    DeltaError,
    IllegalTransition,
    InfrastructureError,
    InternalError,
    NotFound,
    StaleWrite,
    VersionConflict,
)
from models.settings import ApiSettings, GitHubSettings, Settings


def app(*, token: str) -> FastAPI:
    """The application, on a Redis that is not there: nothing in these tests gets as far."""
    settings = Settings(github=GitHubSettings(webhook_secret=SecretStr("s")), api=ApiSettings(max_body_mb=1))
    return create_app(
        Services(
            settings=settings,
            store=Store.connect("unix:///nowhere/redis.sock"),
            token=token,
            vault=Vault(Path("never/used")),
        )
    )


def test_without_a_token_there_is_no_server() -> None:
    with pytest.raises(CallerError, match="no token"):
        app(token="")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unauthorized("x"), 401),
        (Unprocessable("x"), 422),
        (NotFound("x"), 404),
        (CallerError("x"), 400),
        (ChangeError("x"), 422),
        (StaleWrite("x"), 409),
        (VersionConflict("x"), 409),
        (InfrastructureError("x"), 503),
        (InternalError("x"), 500),
        (IllegalTransition("x"), 500),
        (DeltaError("x"), 500),
    ],
)
def test_each_fault_has_its_status(error: DeltaError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize("error", [InternalError("the inside: /etc/delta"), ValueError("the inside: /etc/delta")])
async def test_our_own_fault_says_nothing_about_the_inside(error: Exception) -> None:
    broken = app(token="t")

    @broken.get("/broken")
    async def _() -> None:
        raise error

    transport = httpx.ASGITransport(app=broken, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert set(answer.json()) == {"error", "remedy"}


async def test_wrong_method_and_wrong_body_have_the_one_shape() -> None:
    headers = {"Authorization": "Bearer t"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app(token="t")), base_url="http://x", headers=headers
    ) as client:
        wrong_method = await client.put("/v1/runs")
        wrong_body = await client.post("/v1/runs", json={"repository": "/r", "head": "main"})
        not_json = await client.post("/v1/runs", content=b"{", headers={"Content-Type": "application/json"})
    assert (wrong_method.status_code, wrong_body.status_code, not_json.status_code) == (405, 422, 422)
    assert "body.head" in wrong_body.json()["error"]
    for answer in (wrong_method, wrong_body, not_json):
        assert set(answer.json()) == {"error", "remedy"}


@pytest.mark.parametrize("path", ["/webhooks/github", "/v1/runs"])
async def test_no_more_of_a_body_is_read_than_is_allowed(path: str) -> None:
    """At ASGI's own level, because there one sees how often the application asked for more."""
    asked = 0
    answers: list[int] = []

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    headers = [(b"x-hub-signature-256", b"sha256=00"), (b"x-github-event", b"push"), (b"authorization", b"Bearer t")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "client": None}
    await app(token="t")(
        {**scope, "http_version": "1.1", "scheme": "http", "server": ("x", 80), "root_path": ""}, receive, send
    )
    assert answers == [413]
    assert asked == 17  # 16 chunks make the 1 MB that is allowed
