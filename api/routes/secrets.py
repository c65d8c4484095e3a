"""Secrets: their names, and setting and removing them. No route gives a value back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, SecretStr

from actors import secrets
from api.services import Given
from models.secret import EVERYWHERE

router = APIRouter(tags=["secrets"])

Repository = Annotated[str, Query(description="as runs name it; by default, the secrets that all repositories use")]


class SecretView(BaseModel):
    """One that is kept; `repository` is None for one that all repositories use, `set_at` Unix time."""

    name: str
    repository: str | None
    set_at: float


class SecretValue(BaseModel):
    """What to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: SecretStr


@router.get("/secrets")
async def listed(given: Given) -> list[SecretView]:
    """Which there are."""
    kept = await secrets.list_secrets(given.store)
    return [
        SecretView(
            name=secret.name, repository=None if secret.scope == EVERYWHERE else secret.scope, set_at=secret.set_at
        )
        for secret in kept
    ]


@router.put("/secrets/{name}", status_code=204, response_class=Response)
async def put(name: str, body: SecretValue, given: Given, repository: Repository = "") -> None:
    """Keeps one, in place of an earlier one of its name and repository."""
    await secrets.set_secret(given.store, given.vault, name, repository, body.value.get_secret_value())


@router.delete("/secrets/{name}", status_code=204, response_class=Response)
async def delete(name: str, given: Given, repository: Repository = "") -> None:
    """Forgets one. Jobs that run have it still."""
    await secrets.remove_secret(given.store, name, repository)
