"""How a webhook of GitLab is proven: by a signature over its body, or by a token in a header.

https://docs.gitlab.com/user/project/integrations/webhooks/
The *secret token* comes as it is, in `X-Gitlab-Token`. It proves that the sender knows it and nothing about the body.
The *signing token* (newer versions) never travels: the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature` are those of Standard Webhooks, HMAC-SHA256 over `id.timestamp.body`
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).

Where a signing token is set, nothing but a right signature is accepted: a token that somebody overheard does not do.
Where none is set, a signature that comes cannot be checked, so its delivery is refused, whatever its token says.
A signature is good for five minutes; within them a delivery's id, which is signed, counts once (`Inbox.put`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import Final

from starlette.datastructures import Headers

from api.errors import Unauthorized
from api.webhooks.signature import check_secret
from models.settings import GitLabSettings, Settings, signing_key

WINDOW_S: Final = 300
SIGNATURE: Final = "webhook-signature"
TOKEN: Final = "X-Gitlab-Token"
_ID: Final = "webhook-id"
_TIME: Final = "webhook-timestamp"
_VERSION: Final = "v1,"
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SECRET_NAME: Final = "DELTA_GITLAB__WEBHOOK_SECRET"
_SIGNING_NAME: Final = "DELTA_GITLAB__SIGNING_TOKEN"


def sign(key: bytes, delivery: str, timestamp: str, body: bytes) -> str:
    """The header's value for this delivery."""
    # Headers arrive as Latin-1: so the same bytes are signed that were sent.
    content = b".".join([delivery.encode("latin-1"), timestamp.encode("latin-1"), body])
    return _VERSION + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def claimed(settings: Settings, headers: Headers) -> None:
    """Raises `Unauthorized` when there is nothing to check, or the token is wrong. Before the body is read."""
    if _is_signed(settings.gitlab, headers):
        for name in (SIGNATURE, _ID, _TIME):
            if not headers.get(name):
                raise Unauthorized(f"the header {name} is missing", remedy="give the GitLab webhook a signing token")
        _check_age(headers[_TIME], time.time())
    else:
        _check_token(settings.gitlab.webhook_secret.get_secret_value(), headers.get(TOKEN))


def verify(settings: Settings, headers: Headers, body: bytes) -> None:
    """Raises `Unauthorized` unless the delivery is GitLab's."""
    claimed(settings, headers)
    if not _is_signed(settings.gitlab, headers):
        return
    expected = sign(signing_key(settings.gitlab.signing_token), headers[_ID], headers[_TIME], body).encode()
    # More than one while a key is changed. All are compared, whichever fits.
    found = [hmac.compare_digest(expected, sent.encode("latin-1")) for sent in headers[SIGNATURE].split(" ")]
    if not any(found):
        raise Unauthorized(
            "the webhook's signature does not fit its body",
            remedy=f"{_SIGNING_NAME} and the signing token of the GitLab webhook differ",
        )


def _is_signed(settings: GitLabSettings, headers: Headers) -> bool:
    """Whether a signature decides. Raises `Unauthorized` for one that nobody here can check."""
    if settings.signing_token.get_secret_value():
        return True
    if SIGNATURE in headers:
        raise Unauthorized(
            "the webhook is signed, and this server cannot check it",
            remedy=f"set {_SIGNING_NAME} to the signing token of the GitLab webhook and start the server again",
        )
    return False


def _check_token(secret: str, sent: str | None) -> None:
    check_secret(secret, "GitLab", _SECRET_NAME)
    if sent is None:
        raise Unauthorized(f"the header {TOKEN} is missing", remedy="give the GitLab webhook a secret token")
    # As bytes: compare_digest refuses text that is not ASCII. The secret is sent as UTF-8 and arrives as Latin-1.
    if not hmac.compare_digest(secret.encode(), sent.encode("latin-1", errors="replace")):
        raise Unauthorized(
            "the webhook's token is not the one that was agreed",
            remedy=f"{_SECRET_NAME} and the secret token of the GitLab webhook differ",
        )


def _check_age(timestamp: str, now: float) -> None:
    if not _SECONDS.fullmatch(timestamp) or abs(now - int(timestamp)) > WINDOW_S:
        raise Unauthorized(
            f"the webhook was not signed within {WINDOW_S} s of now",
            remedy="set the clocks of GitLab and of this server, or let GitLab send the event again",
        )
