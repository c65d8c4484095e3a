"""Settings, read once from the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.labels import labels_in
from models.settings import Settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("DELTA_", "XDG_STATE")):
            monkeypatch.delenv(name)


def test_given_nothing_i_expect_the_documented_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    settings = Settings()
    assert settings.state_dir == Path("/home/ada/.local/state/delta")
    assert settings.redis_url == ""
    assert settings.ray_address == ""
    assert (settings.lease.ttl_s, settings.lease.renew_s, settings.lease.wait_s) == (15.0, 5.0, 2.0)
    assert settings.api.host == "127.0.0.1"
    assert settings.sandbox.unsafe_runtime == ""


def test_given_an_xdg_state_home_i_expect_the_state_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert Settings().state_dir == Path("/srv/state/delta")


def test_given_variables_i_expect_two_underscores_to_go_one_level_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_STATE_DIR", "/srv/delta")
    monkeypatch.setenv("DELTA_LEASE__TTL_S", "3.5")
    monkeypatch.setenv("DELTA_RUNNERS__MAX_PENDING", "7")
    monkeypatch.setenv("DELTA_GITHUB__WEBHOOK_SECRET", "hush")
    settings = Settings()
    assert settings.state_dir == Path("/srv/delta")
    assert settings.lease.ttl_s == 3.5
    assert settings.lease.renew_s == 5.0
    assert settings.runners.max_pending == 7
    assert settings.github.webhook_secret.get_secret_value() == "hush"


def test_given_an_empty_variable_i_expect_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_REDIS_URL", "")
    monkeypatch.setenv("DELTA_SUPERVISORS", "")
    assert Settings().supervisors == 2


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("DELTA_LEASE__TTL_S", "soon", "lease.ttl_s"),
        ("DELTA_LEASE__TTL_S", "0", "lease.ttl_s"),
        ("DELTA_LEASE__TTTL_S", "5", "lease.tttl_s"),
        ("DELTA_SUPERVISORS", "0", "supervisors"),
        ("DELTA_API__PORT", "70000", "api.port"),
    ],
)
def test_given_a_value_that_cannot_be_i_expect_the_start_to_stop_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert [".".join(str(part) for part in error["loc"]) for error in raised.value.errors()] == [field]


def test_given_a_network_that_is_none_i_expect_to_be_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_SANDBOX__EGRESS_NETWORKS", "10.0.0.0/8, 10.0.0.1/33")
    with pytest.raises(ValidationError, match=r"10\.0\.0\.1/33"):
        Settings()


def test_given_a_secret_i_expect_it_not_to_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_GITHUB__TOKEN", "ghp_secret")
    assert "ghp_secret" not in repr(Settings())


@pytest.mark.parametrize("field", ["ttl_s", "renew_s"])
def test_settings_are_frozen(field: str) -> None:
    with pytest.raises(ValidationError):
        setattr(Settings().lease, field, 1.0)


def test_given_a_label_that_is_none_i_expect_it_to_be_refused_with_what_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_RUNNERS__LABELS", "gpu, Big Box")
    with pytest.raises(ValidationError, match="a label is 1 to 63"):
        Settings()
    monkeypatch.setenv("DELTA_RUNNERS__LABELS", "gpu, big")
    assert labels_in(Settings().runners.labels) == ("gpu", "big")
    assert labels_in("") == ()
