"""What every sandbox of a runner's is given, whether a job's steps run in it or a person looks into it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from actors.runner.source import source
from actors.runner.surroundings import Surroundings
from cluster.images.catalog import resolve
from models.caches import CacheHit
from models.change import Change
from models.job import JobSpec
from sandbox.door import Doors
from sandbox.log import Sink
from sandbox.supplies import Supplies


def usual(
    around: Surroundings,
    spec: JobSpec,
    change: Change,
    restore: Sequence[CacheHit],
    sink: Sink,
    cancelled: threading.Event,
) -> Supplies:
    """The change's tree, the caches that there are, and where things lie on this node."""
    return Supplies(
        docker_url=around.docker_url,
        installation=around.installation,
        settings=around.sandbox,
        image=resolve(spec.image),
        resolve=resolve,
        source=lambda: source(around.mirrors, change),
        sink=sink,
        blobs=around.blobs,
        caches=around.caches,
        restore=tuple(restore),
        doors=Doors(around.doors, around.sandbox.ca_bundle),
        cancelled=cancelled,
    )
