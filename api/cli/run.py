"""`delta run`: judge a change of a repository on this machine, here and now, and say what came out.

Exit codes: 0 passed, 1 failed, 2 could not run, 130 cancelled by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from actors.installation import Installation
from actors.site import Site
from api.cli.follow import appeared, happenings
from api.cli.local import local_change
from api.cli.show import Screen, warn_if_unsafe
from api.views import run_view
from cluster.store.store import Store
from models.change import Change
from models.errors import InfrastructureError
from models.events import Event, EventKind
from models.inbox import Cancel, Submit
from models.machines import RunState
from models.run import Run
from models.settings import Settings

_EXIT_CODES = {RunState.PASSED: 0, RunState.FAILED: 1, RunState.CANCELLED: 130}
_COULD_NOT_RUN = 2
_CANCEL_PATIENCE_S = 20.0


def run(
    repo: Annotated[Path, typer.Argument(help="A checked-out git repository.")] = Path(),
    base: Annotated[str, typer.Option(help="What to compare with; by default the default branch.")] = "",
    head: Annotated[str, typer.Option(help="The commit to judge; by default what is checked out.")] = "",
    worktree: Annotated[
        bool, typer.Option("--worktree", help="Judge the files as they are, committed or not.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finished run as JSON, and nothing else.")] = False,
) -> None:
    """Plan, run and explain a change of a local repository."""
    settings = Settings()
    installation = Installation(settings)
    console = Console(stderr=as_json, quiet=as_json)
    warn_if_unsafe(Console(stderr=True), settings.sandbox)
    try:
        change = local_change(installation.mirrors, repo.absolute(), base=base, head=head, worktree=worktree)
        with console.status("starting Redis, Ray and the actors …"):
            site = installation.join(dashboard=False)
        finished = asyncio.run(_judge(change, site, console))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        with console.status("cleaning up …"):
            installation.leave()
    if as_json:
        typer.echo(run_view(finished, settings.api.public_url).model_dump_json(indent=2))
    raise typer.Exit(_EXIT_CODES.get(finished.state, _COULD_NOT_RUN))


async def _judge(change: Change, site: Site, console: Console) -> Run:
    store = site.store()
    try:
        await store.inbox.put(Submit(change=change))
        watching = asyncio.create_task(_watch(store, change, console))
        interrupted = asyncio.create_task(_interrupted())
        await asyncio.wait({watching, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        if not watching.done():
            console.print("[yellow]cancelling …[/]")
            # The run ends by itself then, and whoever watches it sees that: nothing is left to be done.
            await store.inbox.put(Cancel(run=change.run_id(), by="Ctrl-C"))
            await asyncio.wait({watching}, timeout=_CANCEL_PATIENCE_S)
        if not watching.done():
            raise InfrastructureError(
                f"{change.run_id()} did not end within {_CANCEL_PATIENCE_S:.0f} s", remedy="`delta doctor`"
            )
        await watching
        return await store.runs.load(change.run_id())
    finally:
        await store.close()


async def _interrupted() -> None:
    """Returns at the first Ctrl-C."""
    pressed = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, pressed.set)
    await pressed.wait()


async def _watch(store: Store, change: Change, console: Console) -> None:
    screen = Screen(console)
    await appeared(store, change.run_id())
    async for happening in happenings(store, change.run_id()):
        if not isinstance(happening, Event):
            screen.log(*happening)
            continue
        screen.event(happening)
        if happening.kind is EventKind.RUN_PLANNED:
            plan = (await store.runs.load(change.run_id())).plan
            if plan is not None:
                screen.plan(plan)
    screen.verdict(await store.runs.load(change.run_id()))
