"""A package as a word for the tool that runs the tests: what `DELTA_TESTS` holds of it.

Go takes `./folder`, npm and pnpm the folder, yarn and Cargo the package's name.
"""

from __future__ import annotations

import re
from typing import Final

from actors.planner.packages.graph import PackageGraph

# Words reach a shell unquoted, as several words of one variable: nothing that it would take apart may be in them.
_PLAIN: Final = re.compile(r"[\w@.][\w@./+-]*", re.ASCII)


def word(graph: PackageGraph, folder: str) -> str | None:
    """The word for one package; None where none can be written: then everything is to run."""
    made = folder
    if graph.tool == "go":
        made = f"./{folder}" if folder else "."
    elif graph.tool in {"yarn", "cargo"}:
        made = graph.packages[folder].name
    return made if _PLAIN.fullmatch(made) else None
