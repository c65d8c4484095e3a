"""Who may use the REST interface: whoever holds the token. Webhooks prove themselves by signature instead."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Unauthorized
from api.services import Given

# auto_error off: our answer has the shape of all the others.
_bearer = HTTPBearer(auto_error=False, description="the token `delta up` printed at its first start")


def bearer(given: Given, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Raises `Unauthorized` unless the request carries the server's token. Compared in constant time."""
    token = sent.credentials if sent is not None else ""
    if not secrets.compare_digest(token.encode(), given.token.encode()):
        raise Unauthorized(
            "this needs the server's token" if sent is None else "that is not the server's token",
            remedy="send `Authorization: Bearer TOKEN`; `delta status` says where the token is kept",
        )
