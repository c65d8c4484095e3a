"""Deploying the actors, in a process of its own: whoever starts an installation need not stay connected to Ray.

A process that is connected to one Ray cannot be connected to the next after that one was killed; one that only deploys
and ends has nothing to lose.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from actors.site import Site
from models.errors import InfrastructureError
from models.settings import Settings

TIMEOUT_S = 180.0


def deploy(address: str, environment: Mapping[str, str], settings: Settings, site: Site) -> None:
    """Starts every actor that does not run at the Ray of `address`; returns when all have started.

    `environment` is what lets a process in there. Raises `InfrastructureError`.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as process:
        done = process.submit(_deploy, address, dict(environment), settings, site)
        try:
            problem = done.result(TIMEOUT_S)
        except (BrokenProcessPool, TimeoutError) as error:
            problem = f"{type(error).__name__} {error}"
    if problem:
        raise InfrastructureError(f"Ray at {address} failed: {problem}", remedy="`delta doctor`")


def _deploy(address: str, environment: dict[str, str], settings: Settings, site: Site) -> str:
    """What went wrong, or nothing. Ray's own errors do not always survive the way back to another process."""
    os.environ.update(environment)
    # Only now: Ray reads the token's mode when it is imported.
    import ray

    from actors import handles, wiring

    try:
        ray.init(address=address, namespace=handles.NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        wiring.deploy(settings, site)
    except (ConnectionError, ray.exceptions.RayError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        ray.shutdown()
    return ""
