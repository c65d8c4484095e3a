"""A made-up Python repository of a given size, shaped like a real one: packages in layers, and their tests.

Each package has 20 modules, an `__init__`, one test file for three modules and a conftest. A module imports two others
of its package and two of packages below it, and uses them; `core/base.py` is imported by all.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.e2e.repositories import git

CENTRAL: Final = "acme/core/base.py"
_MODULES: Final = 20
_TESTED_AT_ONCE: Final = 3
_SYMBOLS: Final = 10
_PYPROJECT: Final = '[project]\nname = "acme"\nversion = "1"\n\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
_BASE: Final = "LIMIT = 10\n\n\ndef limit():\n    return LIMIT\n\n\nclass Base:\n    pass\n"


def repository(folder: Path, size: int) -> tuple[Path, str]:
    """A bare repository with so many Python files in one commit, and the path of a module that only a test imports."""
    path = folder / f"repository{size}"
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    files = {"pyproject.toml": _PYPROJECT, **dict(_first(_files(), size))}
    last = f"m{_MODULES - 1:02}.py"
    leaf = max(file for file in files if file.endswith(f"/{last}") and _test_of(file) in files)
    commit(path, "main", files)
    return path, leaf


def commit(path: Path, branch: str, files: Mapping[str, str], onto: str = "") -> str:
    """A commit of these files on a branch, on top of another commit; its id."""
    parts = [f"commit refs/heads/{branch}\ncommitter t <t@example.invalid> 1700000000 +0000\ndata 1\nx\n"]
    if onto:
        parts.append(f"from {onto}\n")
    parts += [f"M 100644 inline {file}\ndata {len(text.encode())}\n{text}\n" for file, text in files.items()]
    importing = ["git", "-C", str(path), "fast-import", "--quiet", "--force"]
    subprocess.run(importing, input="".join(parts).encode(), check=True)
    return git(path, "rev-parse", branch)


def edited(path: Path, commit_id: str, file: str) -> str:
    """The file's text with something else in its first function, and in no other."""
    text = git(path, "show", f"{commit_id}:{file}")
    before, mark, after = text.partition("\ndef ")
    line, _, rest = after.partition("\n")
    return f"{before}{mark}{line}\n    changed = True\n{rest}\n"


def _test_of(file: str) -> str:
    _, package, name = file.split("/")
    return f"tests/{package}/test_{name}"


def _first(files: Iterator[tuple[str, str]], size: int) -> Iterator[tuple[str, str]]:
    for _, each in zip(range(size), files, strict=False):
        yield each


def _files() -> Iterator[tuple[str, str]]:
    """Without an end, one package after another."""
    yield "acme/__init__.py", ""
    yield "acme/core/__init__.py", "from acme.core.base import Base\n"
    yield CENTRAL, _BASE
    yield "tests/test_core.py", "from acme.core.base import limit\n\n\ndef test_limit():\n    assert limit() == 10\n"
    lots = random.Random(1)  # noqa: S311 - content, not a secret
    package = 0
    while True:
        name = f"p{package:04}"
        yield f"acme/{name}/__init__.py", f"from acme.{name}.m00 import f0\n\n__all__ = ['f0']\n"
        yield f"tests/{name}/conftest.py", _conftest(name)
        for number in range(_MODULES):
            yield f"acme/{name}/m{number:02}.py", _module(package, number, lots)
            if number % _TESTED_AT_ONCE == _TESTED_AT_ONCE - 1 or number == _MODULES - 1:
                yield f"tests/{name}/test_m{number:02}.py", _test(name, number)
        package += 1


def _module(package: int, number: int, lots: random.Random) -> str:
    """The last module of a package is imported by no other."""
    beside = sorted({lots.randrange(number) for _ in range(2)}) if number else []
    below = sorted({(lots.randrange(package), lots.randrange(_MODULES - 1)) for _ in range(2)}) if package else []
    lines = ['"""A module."""', "", "import json", "import os.path", "", "from acme.core.base import Base, limit"]
    lines += [
        f"from acme.p{other:04}.m{module:02} import f{module % 5} as g{other}_{module}" for other, module in below
    ]
    lines += [f"from . import m{module:02}" for module in beside]
    called = [f"g{other}_{module}" for other, module in below] + [f"m{module:02}.f{module % 5}" for module in beside]
    for symbol in range(_SYMBOLS):
        call = called[symbol % len(called)] if called else "str"
        if symbol % 5 == 4:
            lines += ["", "", f"class C{symbol}(Base):", '    """A class."""', "", "    def __init__(self, value):"]
            lines += ["        self.value = value", "", "    def run(self, other):", f"        made = {call}(other)"]
            lines += ["        return json.dumps({'made': made, 'value': self.value, 'limit': limit()})"]
        else:
            lines += ["", "", f"def f{symbol}(value, other=None):", '    """A function."""', "    found = []"]
            lines += [
                "    for each in value:",
                "        if len(found) < limit():",
                f"            found.append({call}(each))",
            ]
            lines += [f"    return os.path.join('data', '{symbol}.txt'), found"]
    return "\n".join(lines) + "\n"


def _test(package: str, last: int) -> str:
    modules = range(last - _TESTED_AT_ONCE + 1, last + 1)
    lines = ["import pytest", "", *(f"from acme.{package} import m{number:02}" for number in modules)]
    for number in modules:
        for symbol in (0, 1, 2, 3):
            lines += ["", "", f"def test_m{number:02}_{symbol}(sample):"]
            lines += [f"    assert m{number:02}.f{symbol}(sample)"]
    return "\n".join(lines) + "\n"


def _conftest(package: str) -> str:
    return (
        f"import pytest\n\nfrom acme.{package}.m00 import f0\n\n\n@pytest.fixture\ndef sample():\n    return f0([1])\n"
    )
