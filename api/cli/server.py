"""`delta up`, `delta down`, `delta status`: the server and what runs for it."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

from actors.installation import Installation, Part
from api.cli.show import warn_if_unsafe
from cluster.embedded.child import Child
from cluster.store.store import Store
from models.change import Forge
from models.run import Run
from models.settings import Settings

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 120.0


def up(
    foreground: Annotated[bool, typer.Option(help="Stay in the foreground, for a process supervisor.")] = False,
) -> None:
    """Start the server, with Redis and Ray where none are given. What runs already is used."""
    settings = Settings()
    if foreground:
        from api.server import serve

        serve(settings)
        return
    installation, child = _installation(settings)
    if child.process() is None:
        child.start([sys.executable, "-m", "api.server"])
    with Console(stderr=True).status("starting Redis, Ray and the actors …"):
        child.wait_until(lambda: _actors_run(settings), START_TIMEOUT_S)
    address = _address(settings)
    console = Console()
    console.print(f"[bold green]Delta is up[/] at {address}")
    console.print(f"  API           {address}/docs, bearer token in {installation.state_dir / 'api.token'}")
    for hook in _webhooks(settings):
        console.print(f"  webhooks      {address}/webhooks/{hook}")
    if not settings.ray_address:
        console.print(f"  Ray dashboard {installation.ray.dashboard}, token in {installation.state_dir / 'ray.token'}")
    console.print("  stop it with  delta down")
    warn_if_unsafe(console, settings.sandbox)


def down() -> None:
    """Stop the server and what it started. Runs that are not over go on at the next start."""
    installation, child = _installation(Settings())
    child.stop(STOP_TIMEOUT_S)
    installation.end_if_unused()
    Console().print("Delta is down")


def status() -> None:
    """Show what runs, and the newest runs. Exit code 0 when all of it runs, else 1."""
    settings = Settings()
    installation, child = _installation(settings)
    server = Part("api", child.process() is not None and bool(_ready(settings)), _address(settings))
    parts = [server, *installation.parts()]
    table = Table("part", "", "", box=None)
    for part in parts:
        table.add_row(part.name, "[green]runs[/]" if part.running else "[red]does not run[/]", part.detail)
    console = Console()
    console.print(table)
    warn_if_unsafe(console, settings.sandbox)
    if settings.redis_url or installation.redis.running():
        for run in asyncio.run(_recent(installation.store())):
            place = f"#{run.change.number}" if run.change.number is not None else run.change.head_ref
            console.print(
                f"{run.id}  {run.state:<9} {run.change.repository} {place} {run.change.head[:12]}", markup=False
            )
    if not all(part.running for part in parts):
        raise typer.Exit(1)


async def _recent(store: Store) -> list[Run]:
    try:
        return await store.runs.recent(10)
    finally:
        await store.close()


def _installation(settings: Settings) -> tuple[Installation, Child]:
    installation = Installation(settings)
    installation.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return installation, Child("api", installation.run_dir)


def _address(settings: Settings) -> str:
    return f"http://{settings.api.host}:{settings.api.port}"


def _webhooks(settings: Settings) -> list[str]:
    """The forges whose webhooks are accepted; with none, what is missing."""
    known = [str(forge) for forge in Forge if settings.of(forge).listens]
    return known or [f"{Forge.GITHUB}  (refused until DELTA_GITHUB__WEBHOOK_SECRET is set)"]


def _ready(settings: Settings) -> dict[str, str]:
    """What /readyz says; nothing where the server cannot accept events."""
    try:
        answer = httpx.get(f"{_address(settings)}/readyz", timeout=5.0, trust_env=False)
    except httpx.TransportError:
        return {}
    return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}


def _actors_run(settings: Settings) -> bool:
    return _ready(settings).get("actors") == "running"
