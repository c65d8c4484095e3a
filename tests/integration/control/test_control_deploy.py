"""Deploying against what listens and never answers, as a Ray now and then is for one of its clients."""

from __future__ import annotations

import multiprocessing
import socket
from pathlib import Path

import pytest

from actors import deploy as deploying
from actors.site import Site
from models.errors import InfrastructureError
from models.settings import Settings


def test_a_ray_that_never_answers_is_tried_again_and_then_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(deploying, "CONNECT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match=f"Ray at {address} failed: nothing was heard"):
            deploying.deploy(address, {}, Settings(state_dir=tmp_path), Site(tmp_path, "", "", "", ""))
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["not connected to Ray at 127.0.0.1"] * 3
    assert multiprocessing.active_children() == []
