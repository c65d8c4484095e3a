"""An installation that is up, for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.server import Delta, delta


@pytest.fixture(scope="module")
def server(docker_url: str) -> Iterator[Delta]:
    """Each `delta run` joins it, which is faster than starting its own."""
    assert docker_url
    with delta() as installation:
        installation.up()
        yield installation
