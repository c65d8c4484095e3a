"""All services of one attempt: made while the source is fetched, ready before the first step, gone with the sandbox."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from models.errors import InfrastructureError, InternalError
from models.ids import AttemptId
from models.job import JobSpec
from sandbox.door import Door
from sandbox.forward import Forward
from sandbox.log import AttemptLog
from sandbox.passage import PROXY_PORT
from sandbox.services.relay import Relay, Way
from sandbox.services.service import Service
from sandbox.spec import SandboxSpec
from sandbox.supplies import Supplies
from sandbox.unavailable import SandboxUnavailableError

log = logging.getLogger(__name__)


class Services:
    """Use as a context manager. For a job without services there is nothing in it."""

    def __init__(
        self, job: JobSpec, spec: SandboxSpec, attempt: AttemptId, supplies: Supplies, told: AttemptLog
    ) -> None:
        self._job = job
        self._spec = spec
        self._attempt = attempt
        self._supplies = supplies
        self._log = told
        self._services: list[Service] = []
        self._relay: Relay | None = None

    def __enter__(self) -> Self:
        for service in self._job.services:
            if self._supplies.doors is None:
                raise InternalError("a job has services where nobody has said where doors lie")
            spec = self._spec.having(
                image=self._supplies.resolve(service.image),
                memory_mb=service.memory_mb,
                workspace_mb=service.memory_mb,
                door=True,
            )
            made = Service(
                service, spec, self._supplies.docker_url, self._attempt, self._supplies.doors, self._log.aside
            )
            self._services.append(made)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._relay is not None:
            self._relay.close()
        for service in self._services:
            try:
                service.close()
            except InfrastructureError as problem:
                log.warning("the service %s is left for the sweeper: %s", service.name, problem)

    def open(self, door: Door | None, guard: Callable[[], None]) -> tuple[Forward, ...]:
        """Wait until all are ready: which ports of the job's loopback lead to sockets of its door.

        Errors: `SandboxUnavailableError` for one that does not get ready, or a port that two want.
        """
        if not self._services:
            return ()
        if door is None:
            raise InternalError("a job with services has a sandbox without a door")
        for service in self._services:
            service.wait(guard)
        self._check_ports()
        self._relay = Relay()
        return tuple(self._opened(service, door, self._relay) for service in self._services)

    def _opened(self, service: Service, door: Door, relay: Relay) -> Forward:
        if service.program is None or service.listener is None:
            raise InternalError(f"the service {service.name!r} is ready and has no port")
        name = f"service-{service.name}"
        relay.add(Way(door.listen(name), service.listener, service.ask))
        port = service.program.port
        self._log.delta(f"service {service.name}: on localhost:{port}, ready after {service.ready_after_s:.1f} s")
        return Forward(port, name)

    def _check_ports(self) -> None:
        ports = Counter(service.program.port for service in self._services if service.program is not None)
        if self._job.egress:
            ports[PROXY_PORT] += 1
        for port, wanted in ports.items():
            if wanted > 1:
                proxy = ", one of them the egress proxy" if port == PROXY_PORT and self._job.egress else ""
                raise SandboxUnavailableError(
                    f"{wanted} programs beside the job want port {port} of its loopback{proxy}",
                    remedy="give each service another `port`, with a `command` that listens there",
                )
