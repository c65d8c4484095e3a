"""Which files hold tests, by their names, as pytest, nose and unittest look for them; and what acts on them unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from actors.planner.glob import Glob, match
from actors.planner.python.modules import folder_of, is_init

CONFTEST: Final = "conftest.py"
_TEST_FILE: Final = re.compile(r"(?:tests?[_-].*|.*_tests?|tests?|spec_.*|.*_spec)\.py")
# Words that say nothing of what a test is about.
_AFFIXES: Final = re.compile(r"^(?:tests?_)|(?:_tests?|_spec)$")
_GENERIC: Final = frozenset(
    {"test", "tests", "main", "core", "base", "common", "types", "utils", "util", "api", "init"}
)
_LEAST_CHARS: Final = 4


def is_test(path: str, named: Sequence[Glob] = ()) -> bool:
    """Whether a file holds tests: by the job's own patterns, where it has some, and by the usual names otherwise."""
    name = path.rpartition("/")[2]
    if not path.endswith(".py") or name == CONFTEST or is_init(path):
        return False
    return match(named, path) is not None if named else _TEST_FILE.fullmatch(name) is not None


def above(path: str) -> Iterable[str]:
    """Every folder that a file lies in, the root (empty) last."""
    folder = folder_of(path)
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""


def named_after(test: str, changed: str) -> bool:
    """Whether a test's name says that it is about this module: `test_hooks.py` and `hooks.py`."""
    about = _AFFIXES.sub("", test.rpartition("/")[2].removesuffix(".py"))
    module = changed.rpartition("/")[2].rpartition(".")[0].strip("_")
    if module == "init":
        module = folder_of(changed).rpartition("/")[2]
    if not module or module in _GENERIC or len(module) < _LEAST_CHARS:
        return about == module and module not in {"", "init"}
    return f"_{module}_" in f"_{about}_"
