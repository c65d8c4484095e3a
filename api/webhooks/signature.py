"""GitHub's webhook signature: HMAC-SHA256 over the raw body.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
The older `X-Hub-Signature` header (SHA-1) is never enough.
"""

from __future__ import annotations

import hashlib
import hmac

from api.errors import Unauthorized

HEADER = "X-Hub-Signature-256"
_PREFIX = "sha256="


def sign(secret: str, body: bytes) -> str:
    """The header's value for this body."""
    return _PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def claimed(secret: str, header: str | None) -> str:
    """The signature to check, before the body is read. Raises `Unauthorized` when there is nothing to check."""
    if not secret:
        raise Unauthorized(
            "this server has no webhook secret, so it accepts no webhook",
            remedy="set DELTA_GITHUB__WEBHOOK_SECRET to the secret of the GitHub webhook and start the server again",
        )
    if header is None:
        raise Unauthorized(f"the header {HEADER} is missing", remedy="give the GitHub webhook a secret")
    if not header.startswith(_PREFIX):
        raise Unauthorized(f"the header {HEADER} does not begin with `{_PREFIX}`", remedy="only SHA-256 is accepted")
    return header


def verify(secret: str, body: bytes, header: str | None) -> None:
    """Raises `Unauthorized` unless `header` is the body's signature. Takes the same time wherever they differ."""
    sent = claimed(secret, header)
    # As bytes: compare_digest refuses text that is not ASCII, and the header is whatever somebody sent.
    if not hmac.compare_digest(sign(secret, body).encode(), sent.encode(errors="replace")):
        raise Unauthorized(
            "the webhook's signature does not fit its body",
            remedy="DELTA_GITHUB__WEBHOOK_SECRET and the secret of the GitHub webhook differ",
        )
