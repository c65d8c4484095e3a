"""`delta cancel`, `approve` and `rerun`: what one asks of a run. Durable when the command returns; done soon after."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated

import typer
from rich.console import Console

from actors.installation import Installation
from models.errors import InfrastructureError
from models.ids import JobId, RunId
from models.inbox import Approve, Cancel, Message, Rerun
from models.lifecycle.approve import checked_waiting
from models.lifecycle.rerun import ALL, FAILED, ONE
from models.settings import Settings

RunArgument = Annotated[str, typer.Argument(help="The run's id, as `delta status` shows it.")]


def cancel(run: RunArgument) -> None:
    """Stop a run. One that is over stays as it is."""
    asyncio.run(_ask(RunId(run), Cancel(run=RunId(run), by=getpass.getuser())))
    Console().print(f"asked: {run} is to stop")


def approve(run: RunArgument) -> None:
    """Let a run begin that waits for it: a fork's, where the policy says so. The next push to it waits anew."""
    asyncio.run(_ask(RunId(run), Approve(run=RunId(run), by=getpass.getuser())))
    Console().print(f"asked: {run} is to begin")


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
    """Raises `CallerError` for an unknown run or job, or one that does not wait: better now than in a log."""
    installation = Installation(Settings())
    if not installation.settings.redis_url and not installation.redis.running():
        raise InfrastructureError("the server does not run", remedy="`delta up`")
    store = installation.store()
    try:
        record = await store.runs.load(run)
        if isinstance(message, Approve):
            checked_waiting(record)
        if job:
            record.job(JobId(job))
        await store.inbox.put(message)
    finally:
        await store.close()
