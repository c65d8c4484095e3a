"""The program `delta`: one typer application, one file a verb. Exit codes: 0 passed, 1 failed, 2 could not run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import typer
from pydantic import ValidationError

from models.errors import DeltaError
from models.settings import Settings

# Each verb by module and name. Only that of the verb that is asked for is imported: Ray alone takes half a second.
_VERBS: Final = {
    "run": "api.cli.run:run",
    "plan": "api.cli.plan:plan",
    "analyze": "api.cli.analyze:analyze",
    "flaky": "api.cli.flaky:flaky",
    "quarantine": "api.cli.quarantine:app",
    "up": "api.cli.server:up",
    "down": "api.cli.server:down",
    "status": "api.cli.server:status",
    "cancel": "api.cli.ask:cancel",
    "approve": "api.cli.ask:approve",
    "rerun": "api.cli.ask:rerun",
    "shell": "api.cli.shell:shell",
    "doctor": "api.cli.doctor:doctor",
    "secret": "api.cli.secret:app",
    "config": "api.cli.config:app",
}


def application(asked: str = "") -> typer.Typer:
    """The application, with the verb that is asked for; with all of them where it is none of these."""
    app = typer.Typer(
        name="delta",
        help="A self-hosted CI that reacts to code changes.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # an unexpected error keeps its plain traceback
    )

    @app.callback()
    def _several() -> None:
        """With a single verb, typer would leave its name out."""

    for verb in [asked] if asked in _VERBS else _VERBS:
        found = _loaded(_VERBS[verb])
        if isinstance(found, typer.Typer):
            app.add_typer(found)
        else:
            app.command(verb)(found)
    return app


def main() -> None:
    """Run the command line. What is wrong on purpose becomes a line on standard error each, and exit code 2."""
    try:
        application(sys.argv[1] if len(sys.argv) > 1 else "")()
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


def _loaded(place: str) -> typer.Typer | Callable[..., Any]:
    module, _, name = place.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(import_module(module), name)
    return found


if __name__ == "__main__":
    main()
