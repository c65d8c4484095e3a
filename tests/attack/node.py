"""Whether the node is as it was before an attack: nothing left, nothing full, and the next job passes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from models.result import Outcome
from tests.integration.sandbox.conftest import Laboratory

MIB = 1024 * 1024
DISK_MB = 300
MEMORY_MB = 800


@contextmanager
def unharmed(lab: Laboratory) -> Iterator[None]:
    """What is in the block may do nothing to the node that lasts."""
    disk, memory = shutil.disk_usage("/").free, psutil.virtual_memory().available
    yield
    assert lab.left() == []
    assert shutil.disk_usage("/").free > disk - DISK_MB * MIB
    assert psutil.virtual_memory().available > memory - MEMORY_MB * MIB
    lab.cancelled.clear()
    lab.tree = {}
    assert lab.run("echo all is well").outcome is Outcome.PASSED
