"""What the tree itself says a Python project's checks are, where there is no `.delta.yml`.

It looks at file names and at a few small manifests, as text; nothing of the project is imported or run. What it
proposes must work in the runner image as it is: Python 3.11 with pytest, and no network. Where it cannot know
(dependencies that are not in the image, a newer Python), a note says so. Where it recognises nothing, there are no jobs
and a note that says what to add.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from models.ids import JobId
from models.job import JobSpec
from models.plan import Reason

MAX_MANIFESTS: Final = 24
MAX_MANIFEST_BYTES: Final = 256 * 1024
JUNIT: Final = ".delta/junit.xml"
IMAGE_PYTHON: Final = (3, 11)

_MANIFESTS: Final = ("pyproject.toml", "setup.cfg", "setup.py", "pytest.ini", ".pytest.ini", "tox.ini", "conftest.py")
_REQUIREMENTS: Final = re.compile(r"(?:requirements/)?[\w.-]*(?:requirements|test|dev)[\w.-]*\.(?:txt|in)")
_PYTEST_FILE: Final = re.compile(r"(?:test_.*|.*_test)\.py")
_UNITTEST_FILE: Final = re.compile(r"tests?.*\.py")
_REQUIREMENT_NAME: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_MINIMUM_PYTHON: Final = re.compile(r">=?\s*3\.(\d+)")
_IN_IMAGE: Final = frozenset({"pytest", "pip", "setuptools", "wheel", "python"})


class TreeJobs(NamedTuple):
    """What was recognised. `source` becomes the plan's; `evidence` is why, for each job alike."""

    source: str
    jobs: tuple[JobSpec, ...]
    evidence: tuple[Reason, ...]
    notes: tuple[str, ...]


def manifest_paths(files: Iterable[str]) -> tuple[str, ...]:
    """The files whose content `from_tree` wants to see, at most MAX_MANIFESTS, all at the repository's root."""
    names = sorted({file for file in files if file in _MANIFESTS or _REQUIREMENTS.fullmatch(file)})
    return tuple(sorted(names, key=lambda name: (name not in _MANIFESTS, name))[:MAX_MANIFESTS])


def from_tree(files: Sequence[str], read: Mapping[str, bytes]) -> TreeJobs:
    """The jobs of a repository with these files. Manifests that do not parse count as text and get a note."""
    python = [file for file in files if file.endswith(".py")]
    if not python:
        return _nothing(files)
    manifests = {name: data[:MAX_MANIFEST_BYTES].decode("utf-8", "replace") for name, data in sorted(read.items())}
    notes: list[str] = []
    pyproject = _toml(manifests.get("pyproject.toml", ""), notes)
    source_layout = any(file.startswith("src/") for file in python) and "src/__init__.py" not in python
    path = 'PYTHONPATH="$PWD/src" ' if source_layout else ""
    evidence = _pytest_evidence(python, manifests, pyproject)
    if evidence:
        job = _job("test", f"{path}python3 -m pytest --junitxml={JUNIT} $DELTA_TESTS", junit=(JUNIT,))
        source = "tree: pytest"
    elif found := _unittest_start(python):
        start, evidence = found
        job = _job("test", f"{path}python3 -m unittest ${{DELTA_TESTS:-discover -v{start}}}")
        source = "tree: unittest"
    else:
        job = _job("syntax", r"python3 -m compileall -q -x '(^|/)(\.|node_modules/)' .")
        evidence = (Reason(rule="tree", evidence=f"{len(python)} Python files and no tests among them", score=0.5),)
        source = "tree: python"
        notes.append("no tests were found, so only the syntax is checked; add `test_*.py` files, or a `.delta.yml`")
    if source_layout:
        layout = Reason(rule="tree", evidence="the packages are in `src/`, which is put on the import path", score=0.9)
        evidence = (*evidence, layout)
    if source != "tree: python":
        notes.extend(_environment_notes(manifests, pyproject))
    return TreeJobs(source, (job,), evidence, tuple(notes))


def _nothing(files: Sequence[str]) -> TreeJobs:
    what = f"none of the {len(files)} files is Python" if files else "the repository has no files"
    note = f"{what}, so nothing was recognised; say what to run in `.delta.yml`: `version: 1` and `jobs:` with `run:`"
    return TreeJobs("tree: nothing recognised", (), (), (note,))


def _job(name: str, run: str, junit: tuple[str, ...] = ()) -> JobSpec:
    return JobSpec(id=JobId(name), run=(run,), junit=junit)


def _toml(text: str, notes: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        notes.append(f"`pyproject.toml` does not parse and was not used: {str(error)[:120]}")
        return {}


def _pytest_evidence(
    python: Sequence[str], manifests: Mapping[str, str], pyproject: Mapping[str, Any]
) -> tuple[Reason, ...]:
    """Why this project's tests are for pytest; empty when nothing says so. The strongest sign comes first."""
    signs: list[tuple[str, float]] = []
    signs += [(f"`{name}` is there", 0.95) for name in ("pytest.ini", ".pytest.ini") if name in manifests]
    tool = pyproject.get("tool")
    if isinstance(tool, dict) and "pytest" in tool:
        signs.append(("`pyproject.toml` configures pytest", 0.95))
    for name, section in (("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        if _has_section(manifests.get(name, ""), section):
            signs.append((f"`{name}` configures pytest", 0.95))
    conftest = next((file for file in python if PurePosixPath(file).name == "conftest.py"), None)
    if conftest:
        signs.append((f"`{conftest}` is there", 0.9))
    tests = [file for file in python if _PYTEST_FILE.fullmatch(PurePosixPath(file).name)]
    if tests:
        signs.append((f"{len(tests)} test files, such as `{tests[0]}`", 0.8))
    # A configuration without a single test would make pytest fail with "no tests ran": then the syntax is checked.
    may_have_tests = tests or any("python_files" in text for text in manifests.values())
    return tuple(Reason(rule="tree", evidence=what, score=score) for what, score in signs[:3]) if may_have_tests else ()


def _has_section(text: str, section: str) -> bool:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return f"[{section}]" in text
    return parser.has_section(section)


def _unittest_start(python: Sequence[str]) -> tuple[str, tuple[Reason, ...]] | None:
    """Test files named for unittest alone (`tests.py`): where discovery must start, and why."""
    tests = [file for file in python if _UNITTEST_FILE.fullmatch(PurePosixPath(file).name)]
    if not tests:
        return None
    folder = str(PurePosixPath(tests[0]).parent)
    # Discovery descends only into packages, so it starts at the root where the folder is one, and in the folder if not.
    start = "" if folder == "." or f"{folder}/__init__.py" in python else f" -s {_quoted(folder)}"
    return start, (Reason(rule="tree", evidence=f"{len(tests)} unittest files, such as `{tests[0]}`", score=0.7),)


def _quoted(folder: str) -> str:
    return "'" + folder.replace("'", "'\\''") + "'"


def _environment_notes(manifests: Mapping[str, str], pyproject: Mapping[str, Any]) -> list[str]:
    notes = []
    names = sorted(set(_dependencies(manifests, pyproject)) - _IN_IMAGE)
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:5]) + (" and others" if len(names) > 5 else "")
        notes.append(
            f"the project asks for {shown}; the sandbox has no network to install it, so tests that import it fail "
            "unless `.delta.yml` names an image that has it"
        )
    project = pyproject.get("project")
    wanted = _MINIMUM_PYTHON.search(str(project.get("requires-python", ""))) if isinstance(project, dict) else None
    if wanted and int(wanted[1]) > IMAGE_PYTHON[1]:
        notes.append(f"the project asks for Python 3.{wanted[1]}; the image has {IMAGE_PYTHON[0]}.{IMAGE_PYTHON[1]}")
    return notes


def _dependencies(manifests: Mapping[str, str], pyproject: Mapping[str, Any]) -> Iterable[str]:
    """Names of what the project installs to run, lower case, as far as it is written down as plain data."""
    project = pyproject.get("project")
    listed = project.get("dependencies") if isinstance(project, dict) else None
    lines = [str(item) for item in listed] if isinstance(listed, list) else []
    lines += manifests.get("requirements.txt", "").splitlines()
    for line in lines:
        name = _REQUIREMENT_NAME.match(line.split("#")[0])
        if name:
            yield name[1].lower()
