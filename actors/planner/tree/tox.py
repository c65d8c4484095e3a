"""What tox is told about the tests: `tox.ini` or `[tool.tox]`. Its commands are hints and never run as they stand."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from typing import Any, Final

from actors.planner.tree.declared import Declared
from actors.planner.tree.manifests import Project, strings, table

_MAX_LINES: Final = 200
_FACTOR: Final = re.compile(r"[\w{}!,.\-]{1,200}:\s")
_VARIABLE: Final = re.compile(r"([A-Za-z_]\w*)\s*=\s*([\w./:,@%+-]*)")
_OWN_FOLDER: Final = re.compile(r"\{(?:toxinidir|tox_root)\}/?")
_POSARGS: Final = re.compile(r"\{posargs:?([^{}]*)\}")


def read_tox(project: Project, pyproject: dict[str, Any]) -> Declared:
    """Of the base environment; conditional lines (`py310: …`) are left out."""
    if "tox.ini" in project.texts:
        return _from_ini(project.ini("tox.ini"))
    inner = table(pyproject, "tool", "tox")
    base = table(inner, "env_run_base")
    if not base and isinstance(inner.get("legacy_tox_ini"), str):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(inner["legacy_tox_ini"])
        except (configparser.Error, ValueError) as error:
            project.unusable("pyproject.toml", error)
            return Declared()
        return _from_ini(parser)
    commands = base.get("commands")
    argv = [strings(command) for command in commands] if isinstance(commands, list) else []
    return Declared(
        deps=tuple(strings(base.get("deps"))),
        extras=tuple(strings(base.get("extras"))),
        groups=tuple(strings(base.get("dependency_groups"))),
        commands=tuple(" ".join(words) for words in argv),
        env=tuple(_variables("\n".join(f"{k}={v}" for k, v in table(base, "set_env").items()))),
    )


def _from_ini(parser: configparser.RawConfigParser) -> Declared:
    def of(*names: str) -> str:
        return "\n".join(parser.get("testenv", name, fallback="") or "" for name in names)

    return Declared(
        deps=tuple(_here(of("deps"))),
        extras=tuple(word for line in _plain(of("extras")) for word in line.replace(",", " ").split()),
        groups=tuple(word for line in _plain(of("dependency_groups")) for word in line.replace(",", " ").split()),
        commands=tuple(_POSARGS.sub(r"\1", line) for line in _here(of("commands"))),
        env=tuple(_variables(of("setenv", "set_env"))),
    )


def _plain(text: str) -> Iterator[str]:
    for raw in text.splitlines()[:_MAX_LINES]:
        line = raw.split(" #")[0].strip()
        if line and not line.startswith("#") and not _FACTOR.match(line):
            yield line


def _here(text: str) -> Iterator[str]:
    """The same, with paths relative to the root."""
    return (_OWN_FOLDER.sub("", line) for line in _plain(text))


def _variables(text: str) -> Iterator[tuple[str, str]]:
    """Variables whose values are plain words; those that tox would have to fill in are left out."""
    for line in _plain(text):
        found = _VARIABLE.fullmatch(line)
        if found and found[1] not in {"PATH", "HOME", "PYTHONPATH", "COVERAGE_PROCESS_START"}:
            yield found[1], found[2]
