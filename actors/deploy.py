"""Deploying the actors, in a process of its own: whoever starts an installation need not stay connected to Ray.

A process that is connected to one Ray cannot be connected to the next after that one was killed; one that only deploys
and ends has nothing to lose.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from actors.site import Site
from models.errors import InfrastructureError
from models.settings import Settings

TIMEOUT_S = 180.0

# See `wiring.RunnerBody`, which cannot be imported before Ray is let in.
RunnerBody = Callable[..., None]


def deploy(
    address: str, environment: Mapping[str, str], settings: Settings, site: Site, body: RunnerBody | None = None
) -> None:
    """Starts every actor that does not run at the Ray of `address`; returns when all have started.

    `environment` is what lets a process in there. `body` is what a runner does, by default a runner's work. Raises
    `InfrastructureError`.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_enter, initargs=(dict(environment),)) as process:
        done = process.submit(_deploy, address, settings, site, body)
        try:
            problem = done.result(TIMEOUT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            problem = f"{type(error).__name__} {error}"
    if problem:
        raise InfrastructureError(f"Ray at {address} failed: {problem}", remedy="`delta doctor`")


def _enter(environment: dict[str, str]) -> None:
    """Before anything else: Ray reads these when it is imported, and the arguments of the work may import it."""
    os.environ.update(environment)


def _deploy(address: str, settings: Settings, site: Site, body: RunnerBody | None) -> str:
    """What went wrong, or nothing. Ray's own errors do not always survive the way back to another process."""
    import ray

    from actors import handles, wiring

    try:
        ray.init(address=address, namespace=handles.NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        wiring.deploy(settings, site, body or wiring.run_runner)
    except (ConnectionError, ray.exceptions.RayError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        ray.shutdown()
    return ""
