"""Removes the containers that a dead runner left behind. Safe at any time, and beside other installations."""

from __future__ import annotations

from collections.abc import Callable

import docker

from models.ids import AttemptId
from sandbox.container import docker_errors, remove_containers
from sandbox.spec import LABEL_ATTEMPT, LABEL_INSTALLATION


def sweep(docker_url: str, installation: str, keep: Callable[[AttemptId], bool]) -> list[AttemptId]:
    """Remove this installation's containers whose attempt is not to be kept; the attempts they belonged to.

    `keep` is asked once for each attempt that has a container, at that moment: it must say yes to every attempt that a
    live runner may hold. Errors: `InfrastructureError` when Docker does not answer.
    """
    with docker_errors("sweep old sandboxes"):
        client = docker.DockerClient(base_url=docker_url)
        try:
            labels = [f"{LABEL_INSTALLATION}={installation}", LABEL_ATTEMPT]
            found = client.api.containers(all=True, filters={"label": labels})
            attempts = sorted({AttemptId(container["Labels"][LABEL_ATTEMPT]) for container in found})
            left = [attempt for attempt in attempts if not keep(attempt)]
            for attempt in left:
                remove_containers(client, installation, attempt)
            return left
        finally:
            client.close()
