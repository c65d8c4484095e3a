"""The driver against what listens and never answers, and what ends at once."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from actors import driver as driving
from actors.driver import Driver
from actors.site import Site
from models.errors import InfrastructureError
from models.settings import Settings


def deploy(folder: Path, address: str) -> None:
    site = Site(folder, "", "", "", "")
    Driver(folder / "run").deploy(address, {}, Settings(state_dir=folder), site, fresh=True)


def test_a_ray_that_never_answers_is_an_error_and_no_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driving, "CONNECT_S", 3.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match=f"Ray at {address} failed: driver was not ready within 3 s"):
            deploy(tmp_path, address)
    assert [child for child in psutil.Process().children() if "actors.driver" in child.cmdline()] == []


def test_what_ended_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"Ray at nowhere failed: driver ended at once:\n(.|\n)*ValueError"):
        deploy(tmp_path, "nowhere")
