"""The program `delta`: one typer application, one file a verb. Exit codes: 0 passed, 1 failed, 2 could not run."""

from __future__ import annotations

import sys

import typer

from api.cli import doctor, run, server
from models.errors import DeltaError

app = typer.Typer(
    name="delta",
    help="A self-hosted CI that reacts to code changes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # an unexpected error keeps its plain traceback
)
for verb in (run.run, server.up, server.down, server.status, doctor.doctor):
    app.command()(verb)


def main() -> None:
    """Run the command line. An error Delta raises on purpose becomes one line on standard error and exit code 2."""
    try:
        app()
    except DeltaError as error:
        typer.echo(f"delta: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
