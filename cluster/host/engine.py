"""The Docker engine that sandboxes run on: find one, or start one, and end it after the last user.

The order, and what happens when none fits:
1. the engine at `DOCKER_HOST` or at the default socket, if it knows the runtime `delta-runsc`;
2. the managed engine, if it answers;
3. as root, the managed engine is started (`dockerd.py`). A system engine without the runtime is never reconfigured.
Otherwise `InfrastructureError` says what to do.

Every user of the managed engine holds a shared lock. A user who leaves and finds nobody else stops the engine. The
kernel drops the lock of a user that was killed, so the next one to leave still stops it: nothing leaks for ever.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import docker
import requests
from docker.errors import DockerException

from cluster.host import dockerd
from cluster.host.locks import SharedLock, alone
from cluster.host.paths import HostPaths
from cluster.host.runtime import RUNTIME
from models.errors import InfrastructureError

DEFAULT_URL = "unix:///var/run/docker.sock"
ASK_TIMEOUT_S = 10


class Engine:
    """A hold on a Docker engine that knows `delta-runsc`. `url` is valid until `release`."""

    def __init__(
        self, url: str, paths: HostPaths, lock: SharedLock | None, child: subprocess.Popen[bytes] | None
    ) -> None:
        self.url = url
        self._paths = paths
        self._lock = lock
        self._child = child

    @property
    def managed(self) -> bool:
        """True where Delta started this engine and ends it."""
        return self._lock is not None

    def release(self) -> None:
        """Give up the hold, and stop a managed engine that nobody else uses. Harmless the second time.

        Errors: InfrastructureError when the engine does not stop.
        """
        if self._lock is None:
            return
        with self._lock.leave() as last:
            if last:
                dockerd.stop(self._paths)
        if self._child is not None:
            self._child.poll()  # collects it if it has ended, by whomever


def acquire(paths: HostPaths | None = None) -> Engine:
    """Return a hold on an engine, starting the managed one where needed (about a second).

    Errors: InfrastructureError, with what to do.
    """
    paths = paths or HostPaths.read()
    system = system_url()
    if RUNTIME in runtimes(system):
        return Engine(system, paths, lock=None, child=None)
    if os.geteuid() != 0:
        raise InfrastructureError(
            f"no Docker engine with the runtime {RUNTIME} answers at {system}",
            remedy="run `make setup`: it prints the commands that are missing",
        )
    lock = SharedLock(paths.users_lock)
    try:
        with alone(paths.start_lock):
            child = None if RUNTIME in runtimes(paths.url) else _start(paths)
    except BaseException:  # Ctrl-C too: whoever does not get the engine must not count as its user
        Engine(paths.url, paths, lock, child=None).release()
        raise
    return Engine(paths.url, paths, lock, child)


@contextmanager
def engine(paths: HostPaths | None = None) -> Iterator[str]:
    """Hold an engine for the length of a block; gives its address. Errors: as `acquire` and `release`."""
    held = acquire(paths)
    try:
        yield held.url
    finally:
        held.release()


def connect(url: str, timeout_s: int = 60) -> docker.DockerClient:
    """Return a client for the engine at `url`. Nothing is asked yet."""
    return docker.DockerClient(base_url=url, timeout=timeout_s)


def system_url() -> str:
    """Return the address where the machine's own engine would be.

    Errors: InfrastructureError for an engine on another machine: a sandbox's sockets and files are on this one.
    """
    url = os.environ.get("DOCKER_HOST") or DEFAULT_URL
    if not url.startswith("unix://"):
        raise InfrastructureError(
            f"DOCKER_HOST is {url}, but sandboxes need an engine on this machine",
            remedy="unset DOCKER_HOST, or set it to a unix:// address",
        )
    return url


def runtimes(url: str) -> frozenset[str]:
    """Return the names of the runtimes that the engine at `url` knows; none when it does not answer."""
    try:
        client = connect(url, ASK_TIMEOUT_S)
    except (DockerException, OSError):  # the client asks for the API version at once
        return frozenset()
    try:
        return frozenset(client.info().get("Runtimes", {}))
    except (DockerException, requests.RequestException, OSError):
        return frozenset()
    finally:
        client.close()


def answers(url: str) -> bool:
    """Tell whether the engine at `url` answers and knows the runtime."""
    return RUNTIME in runtimes(url)


def _start(paths: HostPaths) -> subprocess.Popen[bytes]:
    """Start the managed engine and wait until it answers. Errors: InfrastructureError with the end of its log."""
    dockerd.stop(paths)  # one that runs but does not answer
    child = dockerd.start(paths)
    try:
        if _answers(child, paths):
            return child
    except BaseException:  # Ctrl-C while waiting: the child is in its own session and would live on
        child.terminate()
        raise
    died = child.poll() is not None
    child.terminate()
    raise InfrastructureError(
        f"the managed dockerd {'ended at once' if died else f'did not answer within {dockerd.START_TIMEOUT_S:.0f} s'}; "
        f"the end of {paths.log}:\n{dockerd.log_tail(paths)}",
        remedy="remove what the log complains about, or start a Docker engine yourself and run `make setup`",
    )


def _answers(child: subprocess.Popen[bytes], paths: HostPaths) -> bool:
    """Wait until the engine answers; False when it ends or takes too long."""
    deadline = time.monotonic() + dockerd.START_TIMEOUT_S
    while time.monotonic() < deadline:
        if paths.socket.exists() and RUNTIME in runtimes(paths.url):
            return True
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=dockerd.POLL_S)
            return False
    return False
