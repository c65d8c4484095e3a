"""`delta config`: what there is to say about a `.delta.yml` before it is used. Needs no server, Ray or Docker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from actors.planner.config import NAME, parse
from actors.planner.json_schema import json_schema
from actors.planner.schema import Config, JobConfig
from models.errors import CallerError, ChangeError

MOST_PROBLEMS: Final = 1000

app = typer.Typer(name="config", help="Check a configuration, or print its JSON Schema.", no_args_is_help=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A .delta.yml, or the folder it is in.")] = Path(),
) -> None:
    """Name every problem as file:line:column, or show the jobs. Exits 0 when it is right, 1 when it is not."""
    file = path / NAME if path.is_dir() else path
    try:
        config = parse(_read(file), name=str(file), most=MOST_PROBLEMS)
    except ChangeError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    typer.echo(summary(config, str(file)))


@app.command()
def schema() -> None:
    """Print the JSON Schema of `.delta.yml`, for editors."""
    typer.echo(json_schema(), nl=False)


def summary(config: Config, name: str) -> str:
    """The jobs, a line each."""
    count = len(config.jobs)
    lines = [f"{name}: right, {count} job{'s' if count > 1 else ''}"]
    width = max(map(len, config.jobs))
    lines += [f"  {job:<{width}}  {_told(body)}" for job, body in config.jobs.items()]
    return "\n".join(lines)


def _told(job: JobConfig) -> str:
    steps = len(job.run or job.steps or ())
    parts = [f"{steps} step{'s' if steps > 1 else ''} on {job.image}"]
    parts += [f"{key}={value}" for key, value in job.values.items()]
    parts += [f"needs {_some(job.needs)}"] if job.needs else []
    parts += ["always"] if job.always else []
    parts += ["may fail"] if job.allow_failure else []
    return " · ".join(parts)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except FileNotFoundError as error:
        raise CallerError(f"there is no {file}", remedy="name the file, or the folder it is in") from error
    except OSError as error:
        raise CallerError(f"{file} cannot be read: {error.strerror}", remedy="name a readable file") from error
