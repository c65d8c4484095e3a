"""What a service is run by: what the job says, and what it leaves open, from the image. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from models.job import READY_LABEL, ServiceSpec
from sandbox.unavailable import SandboxUnavailableError


class Program(NamedTuple):
    """`argv` is what runs, `port` where it listens; `ready` succeeds once it may be used, empty: once it listens."""

    argv: tuple[str, ...]
    port: int
    ready: str


def program(service: ServiceSpec, config: Mapping[str, Any]) -> Program:
    """`config` is the image's, as Docker tells it. `SandboxUnavailableError` when both leave something open."""
    argv = ("/bin/sh", "-c", service.command) if service.command else _own_command(config)
    if not argv:
        raise SandboxUnavailableError(
            f"the service {service.name!r} has no command, and its image {service.image!r} has none of its own",
            remedy="say its `command`",
        )
    port = service.port or _own_port(config)
    if port is None:
        raise SandboxUnavailableError(
            f"where does the service {service.name!r} listen? Its image {service.image!r} does not say one port",
            remedy="say its `port`",
        )
    labels = config.get("Labels") or {}
    ready = service.ready or ("" if service.command else str(labels.get(READY_LABEL, "")))
    return Program(argv, port, ready)


def _own_command(config: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(word) for word in (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())))


def _own_port(config: Mapping[str, Any]) -> int | None:
    ports = [port.partition("/")[0] for port in config.get("ExposedPorts") or {} if not port.endswith("/udp")]
    return int(ports[0]) if len(ports) == 1 else None
