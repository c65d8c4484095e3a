"""Webhook signatures of GitHub and of Gitea and Forgejo: HMAC-SHA256 over the raw body, in a header.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/
GitHub's older `X-Hub-Signature` header (SHA-1) is never enough.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, NamedTuple

from api.errors import Unauthorized


class Signature(NamedTuple):
    """How one forge signs. `setting` is where the secret is set."""

    forge: str
    header: str
    prefix: str
    setting: str

    def sign(self, secret: str, body: bytes) -> str:
        """The header's value for this body."""
        return self.prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    def claimed(self, secret: str, header: str | None) -> str:
        """The signature to check, before the body is read. Raises `Unauthorized` when there is nothing to check."""
        check_secret(secret, self.forge, self.setting)
        if header is None:
            raise Unauthorized(f"the header {self.header} is missing", remedy=f"give the {self.forge} webhook a secret")
        if not header.startswith(self.prefix):
            raise Unauthorized(
                f"the header {self.header} does not begin with `{self.prefix}`", remedy="only SHA-256 is accepted"
            )
        return header

    def verify(self, secret: str, body: bytes, header: str | None) -> None:
        """Raises `Unauthorized` unless `header` is the body's signature. Takes the same time wherever they differ."""
        sent = self.claimed(secret, header)
        # As bytes: compare_digest refuses text that is not ASCII, and the header is whatever somebody sent.
        if not hmac.compare_digest(self.sign(secret, body).encode(), sent.encode(errors="replace")):
            raise Unauthorized(
                "the webhook's signature does not fit its body",
                remedy=f"{self.setting} and the secret of the {self.forge} webhook differ",
            )


def check_secret(secret: str, forge: str, setting: str) -> None:
    """Raises `Unauthorized` where there is no secret: then nobody can prove anything."""
    if not secret:
        raise Unauthorized(
            f"this server has no webhook secret for {forge}, so it accepts no webhook of it",
            remedy=f"set {setting} to the secret of the {forge} webhook and start the server again",
        )


GITHUB: Final = Signature("GitHub", "X-Hub-Signature-256", "sha256=", "DELTA_GITHUB__WEBHOOK_SECRET")
GITEA: Final = Signature("Gitea", "X-Gitea-Signature", "", "DELTA_GITEA__WEBHOOK_SECRET")
