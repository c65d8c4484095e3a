"""The way to the Docker engine: clients that do not ask for its version each time, and its errors as Delta's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from models.errors import InfrastructureError
from sandbox.shim import end_shim

# Longer than anything that Delta asks of Docker takes, but for making an image (`cluster/images/build.py`).
ANSWER_TIMEOUT_S = 30

_ALREADY = {404, 409}  # gone; not running, or being removed by somebody else
_STILL_DYING = "did not receive an exit event"
_TRIES = 3


def connect(docker_url: str) -> docker.DockerClient:
    """A client; close it when done. Raises what docker-py raises when the engine does not answer."""
    return docker.DockerClient(base_url=docker_url, version=api_version(docker_url), timeout=ANSWER_TIMEOUT_S)


@lru_cache(maxsize=8)
def api_version(docker_url: str) -> str:
    """The version of the API that the engine speaks, asked once a process: later engines speak it too."""
    client = docker.DockerClient(base_url=docker_url)
    try:
        return str(client.api.api_version)
    finally:
        client.close()


def remove(client: docker.DockerClient, name: str) -> None:
    """Remove a container by its name or id, running or not. Harmless when it is gone."""
    insist(client, name, lambda: client.api.remove_container(name, v=True, force=True))


def insist(client: docker.DockerClient, name: str, end: Callable[[], object]) -> None:
    """Do what ends a container, by its name or id. Harmless when it has ended.

    Where Docker waits in vain for its death, it is helped (`shim.py`): it gives up after ten seconds, or does not
    answer at all.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            end()
        except APIError as error:
            if error.status_code in _ALREADY:
                return
            if not tries_left or _STILL_DYING not in str(error):
                raise
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            if not tries_left:
                raise
        else:
            return
        for found in client.api.containers(all=True, filters={"name": name}) or [{"Id": name}]:
            end_shim(str(found["Id"]))


@contextmanager
def docker_errors(doing: str) -> Iterator[None]:
    """Turn what the Docker client raises into `InfrastructureError`."""
    try:
        yield
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise InfrastructureError(
            f"Docker could not {doing}: {error}", remedy="look at the engine with `delta doctor`"
        ) from error
