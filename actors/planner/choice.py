"""A job's tests, and those of them that a change can reach; and how a selection is told to the job's commands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from actors.planner.glob import Glob
from actors.planner.packages import PackageSources, word
from actors.planner.python.project import PythonProject
from models.plan import Reason, SelectedTest, TestSelection

# The variable that a job's commands find the selected tests in, as shell words; empty when everything is to run.
VARIABLE: Final = "DELTA_TESTS"
# What a shell leaves as it is, where a variable is written without quotes.
_PLAIN: Final = re.compile(r"[\w./@+,:=-]+", re.ASCII)
MAX_CHARS: Final = 100_000  # Linux passes at most 128 KiB in one variable


class Choice(NamedTuple):
    """`tests` are all of the job's; `reached` those that the change reaches, each with why, `distance` steps away.

    `unsure` is why these may not be all: then nothing must be left out. `kind` is what a person calls them.
    """

    tests: Sequence[str]
    reached: Mapping[str, tuple[Reason, ...]]
    distance: Mapping[str, int]
    unsure: tuple[Reason, ...]
    kind: str = "test files"


def of_python(project: PythonProject, named: tuple[Glob, ...]) -> Choice | None:
    """Of a job that runs Python's tests, in files of these names, or of the usual ones; None where there are none."""
    tests = project.tests(named)
    if not tests:
        return None
    found = project.select(named)
    return Choice(tests, found.tests, found.distance, found.unsure)


def of_packages(sources: PackageSources, tool: str) -> Choice | None:
    """Of a job that tests packages with this tool; None where there are none to choose from."""
    graph = sources.graph(tool)
    if graph is None:
        return None
    found = sources.affected(graph)
    words = {folder: word(graph, folder) or "" for folder in graph.selectable}
    return Choice(
        tests=sorted(words.values()),
        reached={words[folder]: why for folder, why in found.selected.items()},
        distance={words[folder]: len(why) for folder, why in found.selected.items()},
        unsure=(found.whole,) if found.whole else (),
        kind="packages",
    )


def everything(choice: Choice) -> TestSelection:
    """All tests: why, the job's own reasons say."""
    selected = tuple(SelectedTest(path=test, reasons=choice.reached.get(test, ())) for test in _ordered(choice))
    return TestSelection(selected=selected, skipped=(), total=len(selected))


def reached(choice: Choice, added: Mapping[str, tuple[Reason, ...]] | None = None) -> TestSelection:
    """What the change reaches, nearest first; and what is `added` to that, with why."""
    more = added or {}
    selected = [test for test in _ordered(choice) if test in choice.reached or test in more]
    return TestSelection(
        selected=tuple(
            SelectedTest(path=test, reasons=(*choice.reached.get(test, ()), *more.get(test, ()))) for test in selected
        ),
        skipped=tuple(test for test in choice.tests if test not in choice.reached and test not in more),
        total=len(choice.tests),
    )


def nothing(choice: Choice) -> TestSelection:
    """No test at all."""
    return TestSelection(selected=(), skipped=tuple(choice.tests), total=len(choice.tests))


def words(selection: TestSelection) -> str | None:
    """The value of the variable; None where the names cannot be told in it, so that everything must run."""
    if not selection.skipped:
        return ""
    told = " ".join(test.path for test in selection.selected)
    plain = all(tellable(test.path) for test in selection.selected)
    return told if plain and len(told) <= MAX_CHARS else None


def tellable(test: str) -> bool:
    """Whether a test's name comes through a shell as it is."""
    return _PLAIN.fullmatch(test) is not None and not test.startswith("-")


def _ordered(choice: Choice) -> list[str]:
    far = len(choice.tests) + 1
    return sorted(choice.tests, key=lambda test: (choice.distance.get(test, far), test))
