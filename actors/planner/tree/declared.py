"""What a tool that runs tests in environments of its own, tox or nox, is told about them. Hints, never run as is."""

from __future__ import annotations

from typing import NamedTuple


class Declared(NamedTuple):
    """The environment that tests run in by default.

    `deps` are lines of requirements, with `-r FILE` among them; `extras` and `groups` are the project's own names;
    `commands` are lines for `hints.py`; `env` has the variables whose values are plain words.
    """

    deps: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
