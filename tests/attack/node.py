"""Whether the node is as it was before an attack: nothing left, nothing full, and the next job passes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from models.result import Outcome
from tests.integration.sandbox.conftest import Laboratory

MIB = 1024 * 1024
# Attacks write ten times as much; what else the machine does meanwhile is less.
DISK_MB = 4096


@contextmanager
def unharmed(lab: Laboratory) -> Iterator[None]:
    """What is in the block may do nothing to the node that lasts. Processes and memory go with the container."""
    disk = shutil.disk_usage("/").free
    yield
    assert lab.left() == []
    assert shutil.disk_usage("/").free > disk - DISK_MB * MIB
    lab.cancelled.clear()
    lab.tree = {}
    assert lab.run("echo all is well").outcome is Outcome.PASSED
