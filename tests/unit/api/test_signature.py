from __future__ import annotations

import pytest

from api.errors import Unauthorized
from api.webhooks.signature import GITHUB

# GitHub's own example: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_signs_as_github_does() -> None:
    assert GITHUB.sign(SECRET, BODY) == SIGNATURE


def test_right_signature_passes() -> None:
    GITHUB.verify(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        " " + SIGNATURE,
        "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6",
        "sha256=üüü",
    ],
)
def test_anything_else_does_not(header: str | None) -> None:
    with pytest.raises(Unauthorized):
        GITHUB.verify(SECRET, BODY, header)


def test_one_byte_of_the_body_matters() -> None:
    with pytest.raises(Unauthorized):
        GITHUB.verify(SECRET, BODY + b"\n", SIGNATURE)


def test_without_a_secret_nothing_passes_not_even_what_is_signed_with_none() -> None:
    with pytest.raises(Unauthorized, match="DELTA_GITHUB__WEBHOOK_SECRET"):
        GITHUB.verify("", BODY, GITHUB.sign("", BODY))


def test_what_is_missing_is_refused_before_the_body_is_needed() -> None:
    with pytest.raises(Unauthorized, match="missing"):
        GITHUB.claimed(SECRET, None)
