"""Sandboxes of one node that wait for an exec: started, never used. Each is given away once.

Nothing but PID 1 has ever run in one that waits, and nothing of a job is in it: variables, source and
commands come with the exec. So it is as fresh as a cold one. It leaves the pool by being renamed to the attempt that
takes it; whatever dies at whichever moment, nobody finds it under the old name again. One that was used is never taken
back. What a dead pool leaves is removed by the next one, not adopted.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

import psutil

from models.errors import InfrastructureError
from models.ids import AttemptId
from sandbox.container import Sandbox
from sandbox.door import Doors
from sandbox.engine import connect, docker_errors, remove
from sandbox.names import warm_name
from sandbox.spec import SandboxSpec
from sandbox.stock import Bounds, Demand, missing, surplus
from sandbox.sweep import sweep

log = logging.getLogger(__name__)

MIB = 1024 * 1024


class _Waiting(NamedTuple):
    name: str
    sandbox: Sandbox


def available_mb() -> int:
    """How much memory this node has to give away."""
    return int(psutil.virtual_memory().available) // MIB


class WarmPool:
    """The pool of one installation on one node. Safe to call from several threads."""

    def __init__(
        self,
        docker_url: str,
        installation: str,
        bounds: Bounds,
        clock: Callable[[], float] = time.monotonic,
        memory_mb: Callable[[], int] = available_mb,
        doors: Doors | None = None,
    ) -> None:
        self._docker_url = docker_url
        self._installation = installation
        self._bounds = bounds
        self._clock = clock
        self._memory_mb = memory_mb
        self._doors = doors
        self._demand = Demand()
        self._waiting: dict[SandboxSpec, deque[_Waiting]] = {}
        self._closed = False
        self._lock = Lock()  # held for the books, never while Docker works

    def expect(self, spec: SandboxSpec) -> None:
        """Somebody may soon ask for one of these."""
        with self._lock:
            self._demand.note(spec, self._clock())

    def take(self, spec: SandboxSpec, attempt: AttemptId) -> str | None:
        """The id of a sandbox of this kind, which now bears the attempt's name and is the caller's to destroy.

        None when none waits that is fit.
        """
        self.expect(spec)
        while (waiting := self._pop(spec)) is not None:
            try:
                if waiting.sandbox.fit():
                    waiting.sandbox.give_to(waiting.name, attempt)
                    waiting.sandbox.release()
                    return waiting.sandbox.id
            except InfrastructureError as error:
                log.warning("%s could not be given away: %s", waiting.name, error)
            self._destroy(waiting)
        return None

    def tend(self) -> bool:
        """Remove what nobody wants any more, make one that is missing (half a second). True when more is missing."""
        with self._lock:
            bounds = self._bounds.within(self._memory_mb())
            wanted = self._demand.wanted(bounds, self._clock())
            idle = {spec: len(waiting) for spec, waiting in self._waiting.items()}
            dropped = [
                self._waiting[spec].popleft() for spec, count in surplus(wanted, idle).items() for _ in range(count)
            ]
            spec = missing(wanted, {spec: len(waiting) for spec, waiting in self._waiting.items()})
        for waiting in dropped:
            self._destroy(waiting)
        if spec is None:
            return False
        self._make(spec)
        return True

    def remove_leftovers(self) -> None:
        """Remove what an earlier pool has left. Only before the first `tend`."""
        sweep(self._docker_url, self._installation, keep=lambda _: True, doors=self._doors)

    def close(self) -> None:
        """Remove all that wait; nothing is made any more."""
        with self._lock:
            self._closed = True
            left = [waiting for kind in self._waiting.values() for waiting in kind]
            self._waiting.clear()
        for waiting in left:
            self._destroy(waiting)

    def waiting(self) -> dict[SandboxSpec, int]:
        """How many of each kind wait."""
        with self._lock:
            return {spec: len(waiting) for spec, waiting in self._waiting.items() if waiting}

    def _pop(self, spec: SandboxSpec) -> _Waiting | None:
        with self._lock:
            waiting = self._waiting.get(spec)
            return waiting.popleft() if waiting else None

    def _make(self, spec: SandboxSpec) -> None:
        name = warm_name(self._installation)
        try:
            made = _Waiting(name, Sandbox.start(self._docker_url, spec, name, self._doors))
        except InfrastructureError as error:  # a job that asks for it will say what is wrong
            log.warning("no sandbox of %s can be kept waiting: %s", spec.image, error)
            with self._lock:
                self._demand.forget(spec)
            return
        with self._lock:
            closed = self._closed
            if not closed:
                self._waiting.setdefault(spec, deque()).append(made)
        if closed:
            self._destroy(made)

    def _destroy(self, waiting: _Waiting) -> None:
        """By the name that it waits under: whoever has it under another one keeps it."""
        waiting.sandbox.release()
        try:
            with docker_errors("remove a sandbox"):
                client = connect(self._docker_url)
                try:
                    remove(client, waiting.name)
                finally:
                    client.close()
            if waiting.sandbox.door is not None:
                waiting.sandbox.door.remove()
        except InfrastructureError as error:
            log.warning("%s is left for the next pool: %s", waiting.name, error)
