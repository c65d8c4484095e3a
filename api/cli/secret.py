"""`delta secret`: set, list, remove, rotate. A value comes from standard input, a prompt or a file, and never goes out.

It is never an argument: those are in the shell's history, and in the list of processes.
"""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from actors import secrets
from api.cli.store import with_store
from models.errors import CallerError
from models.secret import MOST_BYTES, checked_name, checked_scope

app = typer.Typer(name="secret", help="What jobs get and logs do not show.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A-Z, 0-9 and _: the variable that a step gets it as.")]
Repository = Annotated[
    str, typer.Option("--repo", help="The repository, as `delta status` shows it; without it, all of them.")
]


@app.command("set")
def set_(
    name: Name,
    repo: Repository = "",
    file: Annotated[Path | None, typer.Option(help="Take the value from this file, as it is.")] = None,
) -> None:
    """Keep a secret, encrypted. The value is read from standard input, or asked for."""
    checked_name(name)  # before anybody types the value
    scope = secrets.shown_scope(checked_scope(repo))
    value = _from_file(file) if file is not None else _typed(name)
    fresh = with_store(lambda store, here: secrets.set_secret(store, here.vault, name, repo, value))
    Console().print(f"{'set' if fresh else 'replaced'}: {name} of {scope}", markup=False)


@app.command("list")
def list_() -> None:
    """Show which secrets there are, and never their values."""
    kept = with_store(lambda store, _: secrets.list_secrets(store))
    table = Table("name", "repository", "set", box=None)
    for secret in kept:
        when = datetime.fromtimestamp(secret.set_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(secret.name, secrets.shown_scope(secret.scope), when)
    Console().print(table if kept else "no secrets are kept")


@app.command()
def remove(name: Name, repo: Repository = "") -> None:
    """Forget a secret. Jobs that run have it still."""
    with_store(lambda store, _: secrets.remove_secret(store, name, repo))
    Console().print(f"removed: {name} of {secrets.shown_scope(checked_scope(repo))}", markup=False)


@app.command()
def rotate() -> None:
    """Encrypt every secret with a new key, and forget the old one."""
    count = with_store(lambda store, here: secrets.rotate(store, here.vault))
    Console().print(f"a new key, and {count} secrets encrypted with it", markup=False)


def _typed(name: str) -> str:
    """Standard input to its end, without the line break that `echo` adds; or what a person types twice."""
    if not sys.stdin.isatty():
        return _text(sys.stdin.buffer.read(MOST_BYTES + 2)).removesuffix("\n")
    value = getpass.getpass(f"{name}: ")
    if getpass.getpass("again: ") != value:
        raise CallerError("the two are not the same", remedy="nothing was set: try again")
    return value


def _from_file(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return _text(opened.read(MOST_BYTES + 1))
    except OSError as error:
        raise CallerError(f"{file} cannot be read: {error.strerror}", remedy="name a readable file") from error


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if len(raw) > MOST_BYTES:  # perhaps cut within a character
            raise CallerError("the value is too long", remedy=f"at most {MOST_BYTES:,} bytes can be kept") from error
        raise CallerError("the value is not UTF-8 text", remedy="encode it, for instance as base64") from error
