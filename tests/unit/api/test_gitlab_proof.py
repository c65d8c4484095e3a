"""Deliveries of GitLab, proven by token or by signature."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from starlette.datastructures import Headers

from api.errors import Unauthorized
from api.webhooks import gitlab_proof
from api.webhooks.hook import HOOKS
from models.change import Forge
from models.settings import GitLabSettings, Settings

# The example of the specification: https://github.com/standard-webhooks/standard-webhooks (spec, and its libraries'
# tests). Computed again with OpenSSL:
#   printf %s 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' |
#     openssl dgst -sha256 -binary -mac HMAC -macopt hexkey:$(printf %s MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw |
#     base64 -d | xxd -p) | base64
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
GOLDEN = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

TOKEN = "a token ü"
SIGNED = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": GOLDEN}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, AT)


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr("api.webhooks.gitlab_proof.time.time", lambda: now)


def settings(token: str = "", signing: str = "") -> Settings:
    return Settings(gitlab=GitLabSettings(webhook_secret=SecretStr(token), signing_token=SecretStr(signing)))


def sent(headers: dict[str, str]) -> Headers:
    """As they arrive: a header's bytes, read as Latin-1."""
    return Headers(raw=[(name.lower().encode(), value.encode()) for name, value in headers.items()])


def verify(known: Settings, headers: dict[str, str], body: bytes = BODY) -> None:
    gitlab_proof.claimed(known, sent(headers))
    gitlab_proof.verify(known, sent(headers), body)


def refused(known: Settings, headers: dict[str, str], body: bytes = BODY) -> str:
    with pytest.raises(Unauthorized) as caught:
        verify(known, headers, body)
    told = f"{caught.value} {caught.value.remedy}"
    assert TOKEN not in told
    assert SIGNING not in told
    return told


def test_signs_as_the_specification_does() -> None:
    assert gitlab_proof.sign(base64.b64decode(SIGNING.removeprefix("whsec_")), ID, str(AT), BODY) == GOLDEN


def test_right_token_passes() -> None:
    verify(settings(TOKEN), {"X-Gitlab-Token": TOKEN})


@pytest.mark.parametrize("token", [None, "", TOKEN[:-1], TOKEN + " ", TOKEN.upper(), "ünïcode"])
def test_any_other_token_does_not(token: str | None) -> None:
    assert "GitLab webhook" in refused(settings(TOKEN), {"X-Gitlab-Token": token} if token is not None else {})


def test_wrong_token_is_refused_before_the_body_is_read() -> None:
    with pytest.raises(Unauthorized):
        gitlab_proof.claimed(settings(TOKEN), sent({"X-Gitlab-Token": "x"}))


def test_without_any_secret_nothing_passes() -> None:
    for headers in ({"X-Gitlab-Token": ""}, {}):
        assert "DELTA_GITLAB__WEBHOOK_SECRET" in refused(settings(), headers)


def test_right_signature_passes_and_needs_no_token() -> None:
    verify(settings(signing=SIGNING), SIGNED)
    verify(settings(TOKEN, SIGNING), {**SIGNED, "X-Gitlab-Token": "another"})


def test_one_of_several_signatures_is_enough() -> None:
    verify(settings(signing=SIGNING), {**SIGNED, "webhook-signature": f"v1a,AAAA v1,AAAA {GOLDEN}"})


@pytest.mark.parametrize(
    "signature", ["", "v1,", GOLDEN[:-1], GOLDEN + "=", GOLDEN.replace("v1", "v2"), GOLDEN[3:], "v1,üü", "v1,AAAA "]
)
def test_wrong_signature_is_refused_whatever_the_token_says(signature: str) -> None:
    refused(settings(TOKEN, SIGNING), {**SIGNED, "webhook-signature": signature, "X-Gitlab-Token": TOKEN})


def test_signature_that_cannot_be_checked_is_refused_whatever_the_token_says() -> None:
    assert "SIGNING_TOKEN" in refused(settings(TOKEN), {**SIGNED, "X-Gitlab-Token": TOKEN})


@pytest.mark.parametrize("name", [*SIGNED])
def test_token_does_not_stand_for_a_signature(name: str) -> None:
    headers = {key: value for key, value in SIGNED.items() if key != name}
    assert name in refused(settings(TOKEN, SIGNING), {**headers, "X-Gitlab-Token": TOKEN})


@pytest.mark.parametrize("change", [{"webhook-id": ID + "x"}, {"webhook-timestamp": str(AT + 1)}])
def test_id_and_time_are_signed(change: dict[str, str]) -> None:
    refused(settings(signing=SIGNING), {**SIGNED, **change})


def test_one_byte_of_the_body_matters() -> None:
    refused(settings(signing=SIGNING), SIGNED, BODY + b"\n")


@pytest.mark.parametrize(("late", "good"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_signature_is_good_for_five_minutes(monkeypatch: pytest.MonkeyPatch, late: int, good: bool) -> None:
    at(monkeypatch, AT + late)
    if good:
        verify(settings(signing=SIGNING), SIGNED)
    else:
        assert "300 s" in refused(settings(signing=SIGNING), SIGNED)


@pytest.mark.parametrize("written", ["", " ", "now", "-1", "1614265330.0", "1_614_265_330", "9" * 5000, "١٦١٤٢٦٥٣٣٠"])
def test_time_that_is_none(written: str) -> None:
    refused(settings(signing=SIGNING), {**SIGNED, "webhook-timestamp": written})


def test_delivery_is_known_by_what_was_signed() -> None:
    """Whoever overheard a signed delivery can send any other header with it."""
    named = HOOKS[Forge.GITLAB].named
    assert named(sent({**SIGNED, "Idempotency-Key": "another", "X-Gitlab-Event": "Push Hook"})) == ("Push Hook", ID)
    assert named(sent({"Idempotency-Key": "k", "X-Gitlab-Event-UUID": "u"})) == ("", "k")
    assert named(sent({"X-Gitlab-Event-UUID": "u"})) == ("", "")


@pytest.mark.parametrize("token", ["secret", "whsec_", "whsec_????", "whsec_c2hvcnQ=", SIGNING[6:]])
def test_signing_token_that_is_none_stops_the_start_and_is_not_told(token: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GitLabSettings(signing_token=SecretStr(token))
    assert "whsec_" in caught.value.errors()[0]["msg"]
    assert token not in caught.value.errors()[0]["msg"] or token == "whsec_"


@given(st.dictionaries(st.sampled_from([*SIGNED, "X-Gitlab-Token"]), st.text(max_size=80)), st.binary(max_size=80))
def test_whatever_is_sent_is_refused(headers: dict[str, str], body: bytes) -> None:
    for known in (settings(TOKEN), settings(TOKEN, SIGNING)):
        with pytest.raises(Unauthorized):
            verify(known, headers, body)
