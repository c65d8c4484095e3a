"""A selection of packages as words for the tool that runs the tests: what `DELTA_TESTS` holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from actors.planner.packages.graph import PackageGraph

# Words reach a shell unquoted, as several words of one variable: nothing that it would take apart may be in them.
_PLAIN: Final = re.compile(r"[\w@./+-]+")


def words(graph: PackageGraph, folders: Iterable[str]) -> tuple[str, ...] | None:
    """The words for these packages; None where one cannot be written as a plain word: then everything is to run."""
    made = []
    for folder in folders:
        package = graph.packages[folder]
        word = {
            "go": f"./{folder}" if folder else ".",
            "npm": f"--workspace={folder}",
            "pnpm": f"--filter=./{folder}",
            "yarn": package.name,
            "cargo": f"--package={package.name}",
        }[graph.tool]
        if not _PLAIN.fullmatch(word.removeprefix("--workspace=").removeprefix("--filter=").removeprefix("--package=")):
            return None
        made.append(word)
    return tuple(made)
