"""Fixtures for whoever needs a forge, to be imported by a `conftest.py`: Prism with a recorder, and a git server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.forge import prism as prism_server
from tests.e2e.forge.githttp import GitServer, serving
from tests.e2e.forge.recorder import Recorder, recording


@pytest.fixture(scope="session")
def prism_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prism for all tests: it remembers nothing."""
    with prism_server.running(tmp_path_factory.mktemp("prism"), prism_server.github()) as url:
        yield url


@pytest.fixture
def prism(prism_url: str) -> Iterator[Recorder]:
    """GitHub, for one test. `url` is its base URL; any answer of 400 and more fails the test when it ends."""
    with recording(prism_url) as recorder:
        yield recorder
        recorder.check()


@pytest.fixture(scope="session")
def gitea_prism_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As `prism_url`, for Gitea."""
    with prism_server.running(tmp_path_factory.mktemp("prism"), prism_server.gitea()) as url:
        yield url


@pytest.fixture
def gitea_prism(gitea_prism_url: str) -> Iterator[Recorder]:
    """As `prism`, for Gitea."""
    with recording(gitea_prism_url) as recorder:
        yield recorder
        recorder.check()


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A git server over `tmp_path / "git"`: make repositories there, and ask it for their `clone_url`."""
    root = tmp_path / "git"
    root.mkdir()
    with serving(root) as server:
        yield server
