"""One runner: leases one attempt, carries it out in a sandbox, hands the result back, and is gone.

Renewing and working go side by side. When the lease is lost (cancelled, expired, or the orchestrator gave it to
somebody else) the sandbox is killed and whatever it did is void. The runner never decides what a result means.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from actors.handles import OrchestratorHandle
from cluster.blobs import LocalBlobs
from cluster.images.catalog import resolve
from cluster.store.store import Store
from models.errors import ChangeError, InfrastructureError, NotFound
from models.grant import Grant
from models.ids import RunnerId
from models.logs import LogChunk, LogSource
from models.plan import Resources
from models.result import AttemptResult, Cause, Outcome
from models.settings import Settings
from sandbox.attempt import run_attempt
from sandbox.source.mirror import Mirrors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What a runner finds on its node. `log_url` lets it append to logs and nothing else."""

    settings: Settings
    log_url: str
    docker_url: str
    installation: str
    mirrors: Mirrors
    blobs: LocalBlobs


async def run_one(
    runner: RunnerId, resources: Resources, orchestrator: OrchestratorHandle, surroundings: Surroundings
) -> None:
    """The whole life of a runner. Returns quietly when there was nothing to do."""
    grant = await orchestrator.lease(runner, resources.shape, surroundings.settings.lease.wait_s)
    if grant is None:
        return
    store = Store.connect(surroundings.log_url)
    cancelled = threading.Event()
    renewing = asyncio.create_task(_renew(grant, orchestrator, cancelled, surroundings.settings.lease.renew_s))
    try:
        result = await _carry_out(grant, orchestrator, store, cancelled, surroundings)
        if not await orchestrator.finish(grant, result):
            log.info("the result of %s is void: its lease was lost", grant.attempt)
    finally:
        renewing.cancel()
        await store.close()


async def _renew(grant: Grant, orchestrator: OrchestratorHandle, cancelled: threading.Event, every_s: float) -> None:
    """Renews until told to stop. A call that fails is made again until the term, counted from sending, is over."""
    good_until = time.monotonic() + grant.ttl_s
    while time.monotonic() < good_until:
        sent = time.monotonic()
        try:
            if not await asyncio.wait_for(orchestrator.renew(grant.attempt, grant.token, every_s), every_s * 2):
                break
            good_until = sent + grant.ttl_s
        except (TimeoutError, InfrastructureError) as error:
            log.warning("could not renew %s: %s", grant.attempt, error)
            await asyncio.sleep(min(1.0, every_s))
    cancelled.set()


async def _carry_out(
    grant: Grant, orchestrator: OrchestratorHandle, store: Store, cancelled: threading.Event, around: Surroundings
) -> AttemptResult:
    loop = asyncio.get_running_loop()

    def sink(chunks: list[LogChunk]) -> None:
        asyncio.run_coroutine_threadsafe(store.logs.append(grant.attempt, chunks), loop).result()

    def ready() -> None:
        if not asyncio.run_coroutine_threadsafe(orchestrator.begin(grant), loop).result():
            cancelled.set()

    try:
        image = await asyncio.to_thread(resolve, grant.spec.image)
        mirror = around.mirrors.of(grant.change.clone_url)
        await asyncio.to_thread(mirror.ensure, grant.change.head, ref=grant.change.fetch_ref)

        @contextmanager
        def source() -> Iterator[BinaryIO]:
            with mirror.archive(grant.change.head) as stream:
                yield stream

        return await asyncio.to_thread(
            run_attempt,
            grant.spec,
            attempt=grant.attempt,
            image=image,
            source=source,
            sink=sink,
            cancelled=cancelled,
            blobs=around.blobs,
            docker_url=around.docker_url,
            installation=around.installation,
            settings=around.settings.sandbox,
            on_ready=ready,
        )
    except (ChangeError, NotFound) as error:
        return await _could_not(grant, store, Cause.REFUSED, str(error))
    except InfrastructureError as error:
        return await _could_not(grant, store, Cause.SANDBOX, str(error))


async def _could_not(grant: Grant, store: Store, cause: Cause, detail: str) -> AttemptResult:
    told = LogChunk(at=time.time(), source=LogSource.DELTA, step=0, text=f"{detail}\n")
    await store.logs.append(grant.attempt, [told])
    return AttemptResult(outcome=Outcome.ERRORED, cause=cause, detail=detail)
