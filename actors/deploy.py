"""Deploying the actors, in a process of its own: whoever starts an installation need not stay connected to Ray.

A process that is connected to one Ray cannot be connected to the next after that one was killed; one that only deploys
and ends has nothing to lose. It can also be killed: now and then a client of Ray waits for ever for an answer to its
first question, on a Ray that answers everybody else (seen with 2.60 in `GcsRpcClient::SyncGetClusterId`). Then another
one asks.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection

from actors.site import Site
from models.errors import InfrastructureError
from models.settings import Settings

log = logging.getLogger(__name__)

# Importing and connecting take 3 s, and some times that on a busy machine.
CONNECT_S = 30.0
CONNECT_TRIES = 3
TIMEOUT_S = 180.0

# See `wiring.RunnerBody`, which cannot be imported before Ray is let in.
RunnerBody = Callable[..., None]

_CONNECTED = "connected"
_DONE = "done"


def deploy(
    address: str, environment: Mapping[str, str], settings: Settings, site: Site, body: RunnerBody | None = None
) -> None:
    """Starts every actor that does not run at the Ray of `address`; returns when all have started.

    `environment` is what lets a process in there. `body` is what a runner does, by default a runner's work. Raises
    `InfrastructureError`.
    """
    problem = ""
    for tried in range(1, CONNECT_TRIES + 1):
        connected, problem = _deploy_apart(dict(environment), pickle.dumps((address, settings, site, body)))
        if not problem:
            return
        if connected:
            break
        log.warning("not connected to Ray at %s (try %d of %d): %s", address, tried, CONNECT_TRIES, problem)
    raise InfrastructureError(f"Ray at {address} failed: {problem}", remedy="`delta doctor`")


def _deploy_apart(environment: dict[str, str], arguments: bytes) -> tuple[bool, str]:
    """Whether a process of its own could connect, and what went wrong, or nothing. It is gone when this returns."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_deploy, args=(theirs, environment, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        problem = _heard(ours, _CONNECTED, CONNECT_S)
        if problem:
            return False, problem
        return True, _heard(ours, _DONE, TIMEOUT_S)
    finally:
        ours.close()
        process.kill()  # when it has said all it has to say, there is nothing that it need do before
        process.join()


def _heard(pipe: Connection, expected: str, timeout_s: float) -> str:
    """Nothing when it says what is expected; else what it says, or that it says nothing."""
    try:
        if not pipe.poll(timeout_s):
            return f"nothing was heard for {timeout_s:g} s"
        said = str(pipe.recv())
    except (EOFError, OSError):
        return "the process that deploys died"
    return "" if said == expected else said


def _deploy(pipe: Connection, environment: dict[str, str], arguments: bytes) -> None:
    """Says how far it is. Ray's own errors do not always survive the way to another process: they go as text.

    The arguments come pickled, because to read them may import Ray, which reads the environment when it is imported.
    """
    os.environ.update(environment)
    import ray

    from actors import handles, wiring

    address, settings, site, body = pickle.loads(arguments)  # noqa: S301 - from our own parent, who made it a moment ago
    try:
        ray.init(address=address, namespace=handles.NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        pipe.send(_CONNECTED)
        wiring.deploy(settings, site, body or wiring.run_runner)
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        pipe.send(f"{type(error).__name__}: {error}")
    else:
        pipe.send(_DONE)
        ray.shutdown()
