"""A runner for a person: a sandbox like a job's, and in it a shell instead of the job's steps."""

from __future__ import annotations

import asyncio
import codecs
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from actors.handles import OrchestratorHandle
from actors.runner.pipe import LogPipe
from actors.runner.surroundings import Surroundings
from actors.runner.usual import usual
from cluster.store.store import Store
from models.errors import DeltaError, InfrastructureError
from models.logs import LogChunk, LogSource
from models.ports import START
from models.result import Outcome
from models.terminal import TerminalGrant
from sandbox.attempt import run_attempt
from sandbox.container import Sandbox
from sandbox.terminal import Keyboard, attend

log = logging.getLogger(__name__)

_AGAIN_S = 0.5
# What a terminal may show in all: a person reads less, and the store holds it.
_SHOWN_BYTES = 32 << 20


async def run_terminal(grant: TerminalGrant, orchestrator: OrchestratorHandle, around: Surroundings) -> str:
    """From the grant to the shell's end. Returns why it could not be, or nothing. The sandbox is gone by then."""
    store = Store.connect(around.log_url)
    keyboard, cancelled = Keyboard(), threading.Event()
    typing = asyncio.create_task(_type(grant, orchestrator, keyboard, cancelled))
    try:
        pipe = LogPipe(store.logs.append, grant.session, cancelled.is_set)
        why = await asyncio.to_thread(_attend, grant, around, pipe, keyboard, cancelled)
        await pipe.flush()
    except DeltaError as error:
        return str(error)
    else:
        return why
    finally:
        typing.cancel()
        keyboard.close()
        await store.close()


async def _type(
    grant: TerminalGrant, orchestrator: OrchestratorHandle, keyboard: Keyboard, cancelled: threading.Event
) -> None:
    """Hands over what was typed, until nobody is there."""
    after = START
    while True:
        try:
            answer = await orchestrator.typed(grant.session, after)
        except InfrastructureError as error:
            log.warning("what was typed into %s is not known: %s", grant.session, error)
            await asyncio.sleep(_AGAIN_S)
            continue
        if answer is None:
            cancelled.set()
            return
        after, found = answer
        for typed in found:
            keyboard.type(typed)
            if typed.left:
                cancelled.set()
                return


def _attend(
    grant: TerminalGrant, around: Surroundings, pipe: LogPipe, keyboard: Keyboard, cancelled: threading.Event
) -> str:
    def interact(sandbox: Sandbox, environment: Mapping[str, str], guard: Callable[[], None]) -> None:
        screen = _Screen(pipe)
        attend(sandbox, environment, keyboard, screen.show, guard)

    usually = usual(around, grant.spec, grant.change, grant.restore, pipe.put, cancelled)
    result = run_attempt(grant.spec, grant.session, replace(usually, interact=interact))
    return "" if result.outcome in {Outcome.PASSED, Outcome.CANCELLED} else result.detail


class _Screen:
    """What the shell prints, at once and as a log."""

    def __init__(self, pipe: LogPipe) -> None:
        self._pipe = pipe
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._left = _SHOWN_BYTES

    def show(self, data: bytes) -> None:
        """Raises `InfrastructureError` when it has been too much."""
        self._left -= len(data)
        if self._left < 0:
            raise InfrastructureError(f"it has shown {_SHOWN_BYTES >> 20} MB, and more are not kept")
        text = self._decoder.decode(data)
        if text:
            self._pipe.put([LogChunk(at=time.time(), source=LogSource.JOB, step=0, text=text)])
