"""`delta cancel` and `delta rerun`: what one asks of a run. Durable when the command returns; done moments later."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated

import typer
from rich.console import Console

from actors.installation import Installation
from models.errors import InfrastructureError
from models.ids import JobId, RunId
from models.inbox import Cancel, Message, Rerun
from models.lifecycle.rerun import ALL, FAILED, ONE
from models.settings import Settings

RunArgument = Annotated[str, typer.Argument(help="The run's id, as `delta status` shows it.")]


def cancel(run: RunArgument) -> None:
    """Stop a run. One that is over stays as it is."""
    asyncio.run(_ask(RunId(run), Cancel(run=RunId(run), by=getpass.getuser())))
    Console().print(f"asked: {run} is to stop")


def rerun(
    run: RunArgument,
    job: Annotated[str, typer.Option(help="Only this job.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All jobs, not only those that did not pass.")] = False,
) -> None:
    """Run the jobs of a run once more that did not pass. Earlier attempts stay; jobs that still run go on."""
    which = f"{ONE}{job}" if job else ALL if every else FAILED
    asyncio.run(_ask(RunId(run), Rerun(run=RunId(run), which=which, by=getpass.getuser()), job))
    Console().print(f"asked: {run} runs again")


async def _ask(run: RunId, message: Message, job: str = "") -> None:
    """Raises `NotFound` for an unknown run or job: better now than in a log nobody reads."""
    installation = Installation(Settings())
    if not installation.settings.redis_url and not installation.redis.running():
        raise InfrastructureError("the server does not run", remedy="`delta up`")
    store = installation.store()
    try:
        record = await store.runs.load(run)
        if job:
            record.job(JobId(job))
        await store.inbox.put(message)
    finally:
        await store.close()
