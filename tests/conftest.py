"""What all tests share: a mark by folder, and one Docker engine for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis  # noqa: F401 - or its plugin imports it when all is over, and Python 3.11 may trip over that (gh-106905)
import pytest

from cluster.host.engine import engine

ROOT = Path(__file__).parent
FOLDERS = {"unit", "property", "contract", "integration", "fault", "attack", "e2e", "bench"}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by these marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the folder of `tests/` that it lies in."""
    for item in items:
        folder = item.path.relative_to(ROOT).parts[0] if item.path.is_relative_to(ROOT) else ""
        if folder in FOLDERS:
            item.add_marker(folder)


@pytest.fixture(scope="session")
def docker_url() -> Iterator[str]:
    """The address of an engine that knows gVisor. Without one the test fails; it never skips."""
    with engine() as url:
        yield url
