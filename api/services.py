"""What the routes are given: the settings, the store and the token. Nothing is read from the environment here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from cluster.store.store import Store
from cluster.vault import Vault
from models.settings import Settings


@dataclass(frozen=True)
class Services:
    """One server's parts. `token` is the bearer token of the REST interface; an empty one is refused at start.

    `vault` encrypts secrets. `actors_run` is set once the actors have started: until then events are accepted and wait.
    """

    settings: Settings
    store: Store
    token: str
    vault: Vault
    actors_run: threading.Event = field(default_factory=threading.Event)


def services(request: Request) -> Services:
    """The parts of the server that handles this request, as `create_app` was given them."""
    return cast("Services", request.app.state.services)


Given = Annotated[Services, Depends(services)]
