"""The way to the Docker engine: clients that do not ask for its version each time, and its errors as Delta's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from models.errors import InfrastructureError

_ALREADY = {404, 409}  # gone; being removed by somebody else
_STILL_DYING = "did not receive an exit event"
_REMOVE_TRIES = 3


def connect(docker_url: str) -> docker.DockerClient:
    """A client; close it when done. Raises what docker-py raises when the engine does not answer."""
    return docker.DockerClient(base_url=docker_url, version=api_version(docker_url))


@lru_cache(maxsize=8)
def api_version(docker_url: str) -> str:
    """The version of the API that the engine speaks, asked once a process: later engines speak it too."""
    client = docker.DockerClient(base_url=docker_url)
    try:
        return str(client.api.api_version)
    finally:
        client.close()


def remove(client: docker.DockerClient, name: str) -> None:
    """Remove a container by its name or id, running or not. Harmless when it is gone.

    Docker gives up when one that it kills is not dead within ten seconds, as happens with a fork bomb on a node that
    has much to do. It dies all the same, so it is asked again.
    """
    for tries_left in reversed(range(_REMOVE_TRIES)):
        try:
            client.api.remove_container(name, v=True, force=True)
        except APIError as error:
            if error.status_code in _ALREADY:
                return
            if not tries_left or _STILL_DYING not in str(error):
                raise
        else:
            return


@contextmanager
def docker_errors(doing: str) -> Iterator[None]:
    """Turn what the Docker client raises into `InfrastructureError`."""
    try:
        yield
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise InfrastructureError(
            f"Docker could not {doing}: {error}", remedy="look at the engine with `delta doctor`"
        ) from error
