"""`delta shell`: a terminal in a sandbox made as a job's was, with its image, source and variables, and no secrets.

With `--server` it goes through that server's REST interface; otherwise through the installation on this machine, which
is started where it does not run.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Protocol

import httpx
import typer

from actors.installation import Installation
from api.cli.ask import RunArgument
from api.terminal import opened, shown
from cluster.store.store import Store
from models.errors import CallerError, InfrastructureError
from models.ids import AttemptId, JobId, RunId
from models.logs import LogChunk, LogSource
from models.settings import Settings
from models.terminal import Typed

_READ_BYTES = 4096
# Where the input is no terminal but a file or a pipe. Ctrl-D would be lost if it came before the shell reads keys.
_END_OF_INPUT = "exit\n"
_TOKEN = "DELTA_TOKEN"


class Link(Protocol):
    """The way to one terminal."""

    async def open(self, run: RunId, job: JobId, first: Typed) -> None:
        """Asks for it."""

    async def type(self, typed: Typed) -> None:
        """Hands over what was typed."""

    def chunks(self) -> AsyncIterator[LogChunk]:
        """What it shows, to its end."""


def shell(
    run: RunArgument,
    job: Annotated[str, typer.Argument(help="The job, as the run shows it.")],
    server: Annotated[str, typer.Option(help="A server's address; its token in DELTA_API__TOKEN.")] = "",
) -> None:
    """Open a terminal in a sandbox like the one that a job had: same image, source and variables, no secrets."""
    settings = Settings()
    if server:
        asyncio.run(_through(settings, server, RunId(run), JobId(job)))
        return
    installation = Installation(settings)
    try:
        site = installation.join(dashboard=False)
        asyncio.run(_here(site.store(), RunId(run), JobId(job)))
    finally:
        installation.leave()


async def _through(settings: Settings, server: str, run: RunId, job: JobId) -> None:
    token = settings.api.token.get_secret_value()
    if not token:
        remedy = "the server keeps it in `api.token` in its state directory"
        raise CallerError("DELTA_API__TOKEN is not set", remedy=remedy)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60.0) as client:
        await _attend(_ServerLink(client), run, job)


async def _here(store: Store, run: RunId, job: JobId) -> None:
    try:
        await _attend(_StoreLink(store), run, job)
    finally:
        await store.close()


async def _attend(link: Link, run: RunId, job: JobId) -> None:
    """Carries keys in and characters out until the shell ends or the user's input does."""
    await link.open(run, job, Typed(size=_size()))
    loop = asyncio.get_running_loop()
    wanted: asyncio.Queue[Typed] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGWINCH, lambda: wanted.put_nowait(Typed(size=_size())))

    def read() -> None:
        data = os.read(sys.stdin.fileno(), _READ_BYTES)
        if not data:
            loop.remove_reader(sys.stdin.fileno())
        wanted.put_nowait(Typed(text=data.decode(errors="replace") or _END_OF_INPUT))

    async def carry() -> None:
        while True:
            await link.type(await wanted.get())

    with _raw_terminal():
        loop.add_reader(sys.stdin.fileno(), read)
        carrying = asyncio.create_task(carry())
        try:
            async for chunk in link.chunks():
                # A terminal that is raw needs to be told to go back to the line's beginning.
                text = chunk.text.replace("\n", "\r\n") if chunk.source is LogSource.DELTA else chunk.text
                sys.stdout.write(text)
                sys.stdout.flush()
        finally:
            carrying.cancel()
            loop.remove_reader(sys.stdin.fileno())
            with contextlib.suppress(InfrastructureError, httpx.HTTPError):  # it also ends when nobody types
                await link.type(Typed(left=True))


class _StoreLink:
    """Through the store of this machine's installation."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._session = AttemptId("")

    async def open(self, run: RunId, job: JobId, first: Typed) -> None:
        self._session = await opened(self._store, run, job, first, by=getpass.getuser())

    async def type(self, typed: Typed) -> None:
        await self._store.terminals.type(self._session, typed)

    async def chunks(self) -> AsyncIterator[LogChunk]:
        async for item in shown(self._store, self._session):
            if item is not None:
                yield item[1]


class _ServerLink:
    """Through a server's REST interface."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._session = ""

    async def open(self, run: RunId, job: JobId, first: Typed) -> None:
        answer = await self._post(f"/v1/runs/{run}/jobs/{job}/terminal", first)
        self._session = str(answer.json()["session"])

    async def type(self, typed: Typed) -> None:
        await self._post(f"/v1/terminals/{self._session}/input", typed)

    async def chunks(self) -> AsyncIterator[LogChunk]:
        async with self._client.stream("GET", f"/v1/terminals/{self._session}/output") as answer:
            _check(answer)
            async for line in answer.aiter_lines():
                if line == "event: end":
                    return
                if line.startswith("data: "):
                    yield LogChunk.model_validate_json(line.removeprefix("data: "))

    async def _post(self, path: str, body: Typed) -> httpx.Response:
        try:
            answer = await self._client.post(path, content=body.model_dump_json(), headers=_JSON)
        except httpx.TransportError as error:
            raise InfrastructureError(f"the server does not answer: {error}", remedy="look at its address") from error
        return _check(answer)


_JSON = {"Content-Type": "application/json"}


def _check(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    said = answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else {}
    raise CallerError(
        str(said.get("error", f"the server answered {answer.status_code}")), remedy=said.get("remedy", "")
    )


def _size() -> tuple[int, int]:
    columns, rows = shutil.get_terminal_size()
    return max(rows, 1), max(columns, 1)


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """Every key goes to the sandbox, Ctrl-C too. Does nothing where the input is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
