"""Removes the containers and doors that a dead runner or pool left behind.

Safe at any time, and beside other installations.
"""

from __future__ import annotations

from collections.abc import Callable

from models.ids import AttemptId
from sandbox.door import Doors
from sandbox.engine import connect, docker_errors, remove
from sandbox.names import attempt_of, is_warm
from sandbox.spec import LABEL_INSTALLATION


def sweep(
    docker_url: str,
    installation: str,
    keep: Callable[[AttemptId], bool],
    *,
    keep_warm: bool = False,
    doors: Doors | None = None,
) -> list[AttemptId]:
    """Remove this installation's containers whose attempt is not to be kept; the attempts they belonged to.

    `keep` is asked once for each attempt that has a container, at that moment: it must say yes to every attempt that a
    live runner may hold. Those that wait for an attempt go too, unless a pool that lives has them (`keep_warm`). They
    are removed by the name that they wait under: one that is given away meanwhile stays. `doors` are those of this
    installation on this node. Errors: `InfrastructureError` when Docker does not answer.
    """
    with docker_errors("sweep old sandboxes"):
        client = connect(docker_url)
        try:
            found = client.api.containers(all=True, filters={"label": f"{LABEL_INSTALLATION}={installation}"})
            names = [name for container in found for name in container["Names"]]
            owners = {name: attempt for name in names if (attempt := attempt_of(installation, name)) is not None}
            left = sorted({attempt for attempt in set(owners.values()) if not keep(attempt)})
            gone = {
                name for name in names if owners.get(name) in left or (not keep_warm and is_warm(installation, name))
            }
            for name in sorted(gone):
                remove(client, name.removeprefix("/"))
            if doors is not None:
                doors.sweep([name for name in names if name not in gone])
            return left
        finally:
            client.close()
