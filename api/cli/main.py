"""The program `delta`: one typer application, one file a verb. Exit codes: 0 passed, 1 failed, 2 could not run."""

from __future__ import annotations

import sys

import typer
from pydantic import ValidationError

from api.cli import ask, doctor, run, secret, server, shell
from models.errors import DeltaError
from models.settings import Settings

app = typer.Typer(
    name="delta",
    help="A self-hosted CI that reacts to code changes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # an unexpected error keeps its plain traceback
)
for verb in (run.run, server.up, server.down, server.status, ask.cancel, ask.rerun, shell.shell, doctor.doctor):
    app.command()(verb)
app.add_typer(secret.app)


def main() -> None:
    """Run the command line. What is wrong on purpose becomes a line on standard error each, and exit code 2."""
    try:
        app()
    except DeltaError as error:
        typer.echo(f"delta: {error}", err=True)
        sys.exit(2)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for problem in error.errors(include_url=False, include_input=False):
            name = "DELTA_" + "__".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"delta: the setting {name}: {problem['msg']} (docs/configuration.md lists them)", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
