"""What nox is told about the tests: `noxfile.py`, parsed and never run.

Only what is written out counts: words in `session.install(…)` and `session.run(…)`, and names that the file itself
gives a word, a list or a tuple of words. What a program would have to work out is left out.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from actors.planner.tree.declared import Declared
from actors.planner.tree.manifests import Project

NOXFILE: Final = "noxfile.py"

_RUN: Final = ("run", "run_always", "run_install")
_TESTS: Final = re.compile(r"(?:^|_)(?:unit|py)?tests?(?:_|$)")
_PLAIN: Final = re.compile(r"[\w./:,@%+-]*")
_ITSELF: Final = re.compile(r"\.(?:\[[\w.,-]*\])?")
_MAX_CALLS: Final = 200


def read_nox(project: Project) -> Declared:
    """Of the sessions that are named for tests, else of all. Empty where there is no `noxfile.py` that parses."""
    if NOXFILE not in project.texts:
        return Declared()
    try:
        tree = ast.parse(project.text(NOXFILE))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        project.unusable(NOXFILE, error)
        return Declared()
    sessions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and _is_session(node)]
    chosen = [node for node in sessions if any(_TESTS.search(name) for name in _names(node))] or sessions
    reader = _Reader(_constants(tree))
    for call in [call for node in chosen for call in _calls(node)][:_MAX_CALLS]:
        reader.take(call)
    return reader.declared()


class _Reader:
    """Collects what the calls of sessions say."""

    def __init__(self, constants: Mapping[str, list[str]]) -> None:
        self._constants = constants
        self._deps: dict[str, None] = {}
        self._groups: dict[str, None] = {}
        self._commands: dict[str, None] = {}
        self._env: dict[str, str] = {}

    def take(self, call: ast.Call) -> None:
        """One call. `session` may have any name: what counts is the method's."""
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        words = [word for argument in call.args for word in self._words(argument)]
        if method == "install":
            self._install(words)
        elif method in _RUN and words:
            if words[:2] == ["uv", "sync"] or words[:2] == ["poetry", "install"]:
                self._sync(words[2:])
            self._commands[shlex.join(words)] = None
            for keyword in call.keywords:
                if keyword.arg == "env" and isinstance(keyword.value, ast.Dict):
                    self._variables(keyword.value)
        elif method == "dependency_groups":
            self._groups |= dict.fromkeys(words)

    def declared(self) -> Declared:
        """What all calls said, each thing once, in their order."""
        return Declared(
            deps=tuple(self._deps),
            groups=tuple(self._groups),
            commands=tuple(self._commands),
            env=tuple(self._env.items()),
        )

    def _install(self, words: list[str]) -> None:
        """`pip install`: requirements and files of them; the project itself, with its extras, is a hint."""
        waiting = ""
        for word in words:
            if waiting:
                self._deps |= {f"-r {word}": None} if waiting in {"-r", "--requirement"} else {}
                waiting = ""
            elif word in {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--group"}:
                waiting = word
            elif not word.startswith("-") and not _ITSELF.fullmatch(word):
                self._deps[word] = None
        self._commands[shlex.join(["pip", "install", *words])] = None
        self._sync(words)

    def _sync(self, words: list[str]) -> None:
        """Groups and extras named by an option; for `hints.py`, an extra is said as pip would say it."""
        for at, word in enumerate(words):
            option, given, value = word.partition("=")
            value = value if given else next(iter(words[at + 1 : at + 2]), "")
            if option in {"--group", "--with", "--only-group"}:
                self._groups |= dict.fromkeys(value.split(","))
            elif option in {"--extra", "--extras", "-E"}:
                self._commands[f"pip install .[{value}]"] = None

    def _variables(self, given: ast.Dict) -> None:
        for key, value in zip(given.keys, given.values, strict=True):
            name, text = self._words(key), self._words(value)
            if len(name) == len(text) == 1 and name[0].isidentifier() and _PLAIN.fullmatch(text[0]):
                self._env[name[0]] = text[0]

    def _words(self, node: ast.expr | None) -> list[str]:
        if isinstance(node, ast.Starred):
            return self._words(node.value)
        if isinstance(node, ast.Name):
            return self._constants.get(node.id, [])
        return _written(node)


def _is_session(node: ast.FunctionDef) -> bool:
    """Whether it is decorated by `nox.session`, a bare `session`, or either of them called."""
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        if "session" in (getattr(named, "id", ""), getattr(named, "attr", "")):
            return True
    return False


def _names(node: ast.FunctionDef) -> Iterator[str]:
    """The function's name and the `name=` of its decorator, as identifiers."""
    yield node.name
    for decorator in node.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "name":
                yield from (word.replace("-", "_") for word in _written(keyword.value))


def _calls(node: ast.FunctionDef) -> Iterator[ast.Call]:
    """Its calls in the order of their lines."""
    found = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    return iter(sorted(found, key=lambda call: (call.lineno, call.col_offset)))


def _constants(tree: ast.Module) -> dict[str, list[str]]:
    """Names that the file gives words at its top level."""
    found: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and (words := _written(node.value)):
            found |= {target.id: words for target in node.targets if isinstance(target, ast.Name)}
    return found


def _written(node: ast.expr | None) -> list[str]:
    """The words of a literal: of a text, or of the texts in a list or tuple."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.List | ast.Tuple):
        return [word for item in node.elts for word in _written(item)]
    return []
