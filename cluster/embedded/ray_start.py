"""What `ray start` is told beyond its options: Ray calls what RAY_START_HOOK names, before it starts anything."""

from __future__ import annotations

from typing import Any


def without_client_server(ray_params: Any, head: bool) -> None:  # noqa: ANN401 - Ray's own, and untyped
    """No server for clients outside the cluster: nobody uses it, it is a process, and it listens."""
    del head
    ray_params.ray_client_server_port = None
