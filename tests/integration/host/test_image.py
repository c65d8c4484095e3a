"""The runner image, used as a sandbox uses it: under gVisor, without a network, as its ordinary user."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from docker.errors import ImageNotFound

from cluster.host.engine import connect
from cluster.host.runtime import RUNTIME
from cluster.images.build import prepare, present
from cluster.images.catalog import resolve
from cluster.images.runners import RUNNER_PYTHON
from models.errors import InfrastructureError


@pytest.fixture
def client(docker_url: str) -> Iterator[docker.DockerClient]:
    client = connect(docker_url)
    yield client
    client.close()


def inside(client: docker.DockerClient, command: str) -> str:
    image = resolve("runner-python")
    output: bytes = client.containers.run(
        image, ["sh", "-c", command], runtime=RUNTIME, network_mode="none", remove=True
    )
    return output.decode().strip()


def test_the_image_is_there_and_is_not_made_again(client: docker.DockerClient) -> None:
    said: list[str] = []
    assert prepare(client, RUNNER_PYTHON, said.append) is False
    assert said == []


def test_a_job_is_an_ordinary_user_in_its_workspace(client: docker.DockerClient) -> None:
    assert inside(client, "id -u; id -g; id -un; pwd; echo $HOME").split() == [
        "1000", "1000", "runner", "/workspace", "/home/runner",
    ]  # fmt: skip
    assert inside(client, "touch /workspace/a /delta/b ~/c && echo written") == "written"


def test_the_tools_of_a_python_project_are_there(client: docker.DockerClient) -> None:
    said = inside(
        client, "python --version && python -m pytest --version && pip --version && git --version && cc --version"
    )
    for tool in ("Python 3.11", "pytest", "pip ", "git version", "cc (Debian"):
        assert tool in said


def test_a_virtual_environment_and_a_c_extension_can_be_made(client: docker.DockerClient) -> None:
    assert inside(client, "python -m venv v && v/bin/python -c 'import pip; print(1)'") == "1"
    assert inside(client, "test -f /usr/include/python3.11/Python.h && echo there") == "there"


def test_an_image_that_cannot_be_made_says_why_and_leaves_nothing(client: docker.DockerClient) -> None:
    broken = RUNNER_PYTHON.model_copy(update={"name": "broken", "packages": ("no-such-package-in-debian",)})
    before = {image.id for image in client.images.list(all=True)}
    with pytest.raises(InfrastructureError, match="no-such-package-in-debian"):
        prepare(client, broken, lambda _line: None)
    assert not present(client, broken)
    assert {image.id for image in client.images.list(all=True)} == before
    with pytest.raises(ImageNotFound):
        client.images.get(broken.repository)
