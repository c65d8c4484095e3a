"""The one job of a Python repository, `test`: pytest, unittest or Django's runner, with what the tests need.

The environment is made by `install.py`. Where there are no tests, the syntax is checked instead.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from actors.planner.tree.declared import Declared
from actors.planner.tree.found import JUNIT, TESTS, Ecosystem, Grain, TreeJob, reason
from actors.planner.tree.hints import Hints, hints_of
from actors.planner.tree.install import Environment, environment
from actors.planner.tree.manifests import Project, shown, table
from actors.planner.tree.nox import read_nox
from actors.planner.tree.tox import read_tox
from models.ids import JobId
from models.job import DEFAULT_IMAGE, JobSpec
from models.plan import Reason

IMAGE_PYTHON: Final = (3, 11)
NEWER_IMAGE: Final = "runner-python3.13"
NEWER_PYTHON: Final = (3, 13)

_PYTEST_FILE: Final = re.compile(r"(?:test_.*|.*_test)\.py")
_UNITTEST_FILE: Final = re.compile(r"tests?.*\.py")
_MINIMUM_PYTHON: Final = re.compile(r">=?\s*3\.(\d{1,3})")


class _Runner(NamedTuple):
    """How the tests are run: `command` has no environment before it. `grain` is None where none can be chosen."""

    source: str
    command: str
    evidence: tuple[Reason, ...]
    junit: tuple[str, ...] = ()
    grain: Grain | None = None


def propose(project: Project, *, alone: bool, hints: Sequence[str]) -> tuple[str, TreeJob] | None:
    """The job, and what it was recognised by. `alone`: no other ecosystem was. `hints` are another CI's lines."""
    python = [file for file in project.files if file.endswith((".py", ".pyi"))]
    if not python:
        return None
    pyproject = project.toml("pyproject.toml")
    declared = _declared(project, pyproject)
    found = _hints(project, declared, hints)
    runner = _runner(project, python, pyproject, found)
    if runner is None:
        return _syntax(project, python) if alone else None
    made = environment(project, pyproject, declared, found, pytest=runner.source == "pytest")
    return runner.source, _job(project, python, runner, made, declared, pyproject)


def _declared(project: Project, pyproject: dict[str, Any]) -> Declared:
    """What tox or nox says. A project that has both uses one to call the other, or for other things than tests."""
    tox = read_tox(project, pyproject)
    return tox if tox.commands or tox.deps else read_nox(project)


def _job(
    project: Project,
    python: Sequence[str],
    runner: _Runner,
    made: Environment,
    declared: Declared,
    pyproject: Mapping[str, Any],
) -> TreeJob:
    layout = any(file.startswith("src/") for file in python) and "src/__init__.py" not in project.there
    path = 'PYTHONPATH="$PWD/src" ' if layout and not any(" -e " in step for step in made.steps) else ""
    evidence = runner.evidence
    if path:
        evidence = (*evidence, reason("the packages are in `src/`, which is put on the import path", 0.9))
    if made.said:
        evidence = (*evidence, reason(made.said, 0.9))
    spec = JobSpec(
        id=JobId("test"),
        run=(*made.steps, f"{made.enter}{path}{runner.command}"),
        image=_image(project, pyproject),
        env=dict((*declared.env, *made.env)),
        junit=runner.junit,
        egress=made.egress,
    )
    return TreeJob(spec, Ecosystem.PYTHON, runner.source, evidence, made.cache, runner.grain)


def _runner(project: Project, python: Sequence[str], pyproject: Mapping[str, Any], hints: Hints) -> _Runner | None:
    if evidence := _pytest_evidence(project, python, pyproject):
        command = f"python3 -m pytest --junitxml={JUNIT} {_arguments(project, pyproject, hints)}"
        return _Runner("pytest", command, evidence, (JUNIT,), Grain.FILES)
    tests = [file for file in python if _UNITTEST_FILE.fullmatch(PurePosixPath(file).name)]
    if not tests:
        return None
    if "manage.py" in project.there:
        return _Runner("django", "python3 manage.py test", (reason("`manage.py` is there, and test files", 0.7),))
    folder = str(PurePosixPath(tests[0]).parent)
    # Discovery descends only into packages, so it starts at the root where the folder is one, and in the folder if not.
    inside = folder == "." or f"{folder}/__init__.py" in project.there
    start = "" if inside else f" -s {shlex.quote(folder)}"
    evidence = (reason(f"{len(tests)} unittest files, such as `{shown(tests[0])}`", 0.7),)
    if start and shlex.quote(folder) != folder:  # no word of a default can be quoted
        return _Runner("unittest", f"python3 -m unittest discover -v{start}", evidence)
    return _Runner("unittest", f"python3 -m unittest ${{{TESTS}:-discover -v{start}}}", evidence, (), Grain.FILES)


def _arguments(project: Project, pyproject: Mapping[str, Any], hints: Hints) -> str:
    """What comes after `pytest`: options that choose tests, then the selection, or the paths that a hint names."""
    options: list[str] = []
    paths: list[str] = []
    waiting = False
    for word in hints.pytest:
        is_option = waiting or word.startswith("-")
        (options if is_option else paths).append(word)
        waiting = word in {"-m", "-k"}
    configured = "testpaths" in str(table(pyproject, "tool", "pytest")) or any(
        "testpaths" in project.text(name) for name in ("pytest.ini", ".pytest.ini", "setup.cfg", "tox.ini")
    )
    plain = [path for path in paths if re.fullmatch(r"[\w./-]+", path)]
    selection = f"${{{TESTS}:-{' '.join(plain)}}}" if plain and not configured else f"${TESTS}"
    return f"{shlex.join(options)} {selection}" if options else selection


def _hints(project: Project, declared: Declared, lines: Sequence[str]) -> Hints:
    direct = {file.rpartition("/")[0] for file in project.files if file.endswith(".py")} - {""}
    folders = {str(each) for folder in direct for each in (PurePosixPath(folder), *PurePosixPath(folder).parents)}
    return hints_of([*declared.commands, *lines], project.there, folders - {"."})


def _syntax(project: Project, python: Sequence[str]) -> tuple[str, TreeJob]:
    project.notes.append("no tests were found, so only the syntax is checked; add `test_*.py` files, or a `.delta.yml`")
    spec = JobSpec(id=JobId("syntax"), run=(r"python3 -m compileall -q -x '(^|/)(\.|node_modules/)' .",))
    evidence = (reason(f"{len(python)} Python files and no tests among them", 0.5),)
    return "python", TreeJob(spec, Ecosystem.PYTHON, "python", evidence)


def _pytest_evidence(project: Project, python: Sequence[str], pyproject: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Why this project's tests are for pytest; empty when nothing says so. The strongest sign comes first."""
    signs = [(f"`{name}` is there", 0.95) for name in ("pytest.ini", ".pytest.ini") if name in project.texts]
    if "pytest" in table(pyproject, "tool"):
        signs.append(("`pyproject.toml` configures pytest", 0.95))
    for name, section in (("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        if f"[{section}]" in project.text(name):
            signs.append((f"`{name}` configures pytest", 0.95))
    conftest = next((file for file in python if file.rpartition("/")[2] == "conftest.py"), None)
    if conftest:
        signs.append((f"`{shown(conftest)}` is there", 0.9))
    tests = [file for file in python if _PYTEST_FILE.fullmatch(file.rpartition("/")[2])]
    if tests:
        signs.append((f"{len(tests)} test files, such as `{shown(tests[0])}`", 0.8))
    # A configuration without a single test would make pytest fail with "no tests ran": then the syntax is checked.
    may_have_tests = tests or any("python_files" in text for text in project.texts.values())
    return tuple(reason(what, score) for what, score in signs[:3]) if may_have_tests else ()


def _image(project: Project, pyproject: Mapping[str, Any]) -> str:
    asked = str(table(pyproject, "project").get("requires-python", ""))
    asked = asked or str(table(pyproject, "tool", "poetry", "dependencies").get("python", "")).replace("^", ">=")
    wanted = _MINIMUM_PYTHON.search(asked)
    minimum = int(wanted[1]) if wanted else 0
    if minimum > NEWER_PYTHON[1]:
        newest = f"{NEWER_PYTHON[0]}.{NEWER_PYTHON[1]}"
        project.notes.append(f"the project asks for Python 3.{minimum}; the newest image of Delta's has {newest}")
    return NEWER_IMAGE if minimum > IMAGE_PYTHON[1] else DEFAULT_IMAGE
