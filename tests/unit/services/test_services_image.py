from __future__ import annotations

from typing import Any

import pytest

from cluster.images import recipe
from cluster.images.services import SERVICE_POSTGRES
from models.job import READY_LABEL, ServiceSpec
from sandbox.services.image import Program, program
from sandbox.unavailable import SandboxUnavailableError

CONFIG = {
    "Entrypoint": ["entry"],
    "Cmd": ["serve", "--fast"],
    "ExposedPorts": {"5432/tcp": {}, "5353/udp": {}},
    "Labels": {"delta.ready": "is-ready"},
}


def service(**asked: Any) -> ServiceSpec:
    return ServiceSpec(name="db", image="db:1", **asked)


def test_what_the_job_does_not_say_the_image_does() -> None:
    assert program(service(), CONFIG) == Program(("entry", "serve", "--fast"), 5432, "is-ready")


def test_what_the_job_says_wins() -> None:
    asked = service(command="serve -p $PORT", port=99, ready="ask 99")
    assert program(asked, CONFIG) == Program(("/bin/sh", "-c", "serve -p $PORT"), 99, "ask 99")


def test_the_images_own_test_of_readiness_is_for_its_own_command_only() -> None:
    assert program(service(command="something else"), CONFIG).ready == ""


@pytest.mark.parametrize("config", [{}, {"Cmd": None, "Entrypoint": None, "ExposedPorts": {"1/tcp": {}}}])
def test_without_any_command_it_is_said_what_to_do(config: dict[str, Any]) -> None:
    with pytest.raises(SandboxUnavailableError, match="say its `command`"):
        program(service(), config)


@pytest.mark.parametrize("ports", [None, {}, {"53/udp": {}}, {"80/tcp": {}, "443/tcp": {}}])
def test_without_one_port_it_is_said_what_to_do(ports: Any) -> None:
    with pytest.raises(SandboxUnavailableError, match="say its `port`"):
        program(service(), {"Cmd": ["serve"], "ExposedPorts": ports})


def test_the_label_is_the_one_that_deltas_own_images_have() -> None:
    assert any(READY_LABEL in line for line in recipe.changes(SERVICE_POSTGRES))
    assert program(service(), {**CONFIG, "Labels": {READY_LABEL: "ask"}}).ready == "ask"
