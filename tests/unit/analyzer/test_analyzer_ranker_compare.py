"""What a log of the same job that passed makes known, in many systems' words, and what stays news."""

import json
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.decide import analyze
from actors.analyzer.normalize import clean
from actors.analyzer.ranker import compare
from actors.analyzer.ranker.choose import MAX_LINES, chosen
from actors.analyzer.ranker.compare import MAX_PASSED_LINES, NAMES, Comparison, compared
from actors.analyzer.ranker.trees import COMPARED

# The same thing, as two runs print it.
SAME = {
    "time": ("[12:41:07] built in 3.2 s", "[09:00:59] built in 11.4 s"),
    "iso time": ("2024-03-01T10:00:00.1234567Z Fetching", "2023-11-09T23:59:59.7654321Z Fetching"),
    "a tool's columns": ("build\tmake tea\t2024-03-01T10:00:00Z go", "build\tmake tea\t2024-03-02T11:00:01Z go"),
    "worker": ("[gw0] PASSED tests/test_tea.py::test_hot", "[gw13] PASSED tests/test_tea.py::test_hot"),
    "uuid": ("HOME=/tmp/093333ef-2625-4bdc-b244-03f039e2bb5b", "HOME=/tmp/a5266813-1e56-4915-8e9c-6a0e197bafce"),
    "hash that begins with a digit": ("HEAD is now at 7847c114", "HEAD is now at ab91fe20"),
    "long hash": ("from 50b5ec6abfb59155e65319db3b277a26873ca120", "from c02bbaab9128bbcc11aabb1234567890abcdef12"),
    "address": ("Tea@0x7ffe1234 is hot", "Tea@0x5601ab is hot"),
    "size": ("Downloaded tea.tar (1.2 MB at 3.4 MB/s)", "Downloaded tea.tar (1.2 MB at 11.9 MB/s)"),
    "progress": ("Receiving objects:  97% (268/276)", "Receiving objects:  12% (34/279)"),
    "layer": ("d21f2ae2ab18: Pull complete", "9fbb01aa77cd: Pull complete"),
    "version": ("Using kettle 1.4.12", "Using kettle 1.4.13"),
    "colours": ("\x1b[1;34mINFO\x1b[m boiling", "INFO boiling"),
}
QUIET = [f"Get:{number} http://deb.example/debian main package-{number} [12.{number} kB]" for number in range(40)]
FAILURES = {
    "gcc": "src/tea.c:14:9: error: 'kettle' undeclared (first use in this function)",
    "maven": "[ERROR] /w/src/Tea.java:[9,14] cannot find symbol",
    "pytest": "E       AssertionError: assert 90 == 100",
    "npm": 'npm ERR! Could not resolve dependency: peer tea@"^2" from kettle@1.0.0',
    "cargo": "error[E0425]: cannot find function `boil` in this scope",
    "shell": "./ci/run.sh: line 8: kettle: command not found",
}


def beside(lines: Sequence[str], passed: Sequence[Sequence[str]]) -> Comparison:
    return compared(lines, passed, np.zeros(len(lines), dtype=np.float32))


@pytest.mark.parametrize("kind", SAME)
def test_what_differs_from_run_to_run_is_no_news(kind: str) -> None:
    there, here = SAME[kind]
    assert not beside([clean(here)], [[there]]).new.any()
    assert beside([clean(here)], [["something else"]]).new.all()


@pytest.mark.parametrize("kind", FAILURES)
def test_harmless_changes_vanish_and_the_failure_stays(kind: str) -> None:
    drawn = random.Random(1)  # noqa: S311 - an order, not a secret
    passed = [*QUIET, *(there for there, _ in SAME.values())]
    changed = [
        *(here for _, here in SAME.values()),
        *(line.replace("12.", "13.") for line in QUIET),
        "Downloading from central: https://repo.example/maven2/org/tea/kettle/2.0/kettle-2.0.pom",
        "Commit message: 'Kettles are round'",
    ]
    drawn.shuffle(changed)
    lines = [clean(line) for line in [*changed, FAILURES[kind]]]
    found = [
        lines[at]
        for at in chosen(lines, [[*passed, "Downloading from central: https://repo.example/a.pom"]], steps=False).lines
    ]
    assert found == [FAILURES[kind]]


def test_a_failure_that_begins_like_what_passed_is_news() -> None:
    there = ["Tests run: 3, Failures: 0 - in TeaTest", "PASSED tests/test_tea.py::test_hot"]
    here = ["Tests run: 3, Failures: 0 - in TeaTest", "FAILED tests/test_tea.py::test_hot"]
    assert beside(here, [there]).new.tolist() == [False, True]


@pytest.mark.parametrize("passed", [(), ([],), ([""],), ([], ["", "  "])])
def test_a_passing_log_that_says_nothing_is_none(passed: tuple[list[str], ...]) -> None:
    lines = [*QUIET, FAILURES["gcc"]]
    assert chosen(lines, passed, steps=False) == chosen(lines, (), steps=False)


def test_a_passing_log_equal_to_the_failing_one_tells_nothing() -> None:
    lines = [*QUIET, "$ make", *FAILURES.values()]
    assert chosen(lines, [lines], steps=False) == chosen(lines, (), steps=False)
    assert chosen(lines, [lines[::-1]], steps=False) == chosen(lines, (), steps=False), "in another order too"


def test_some_new_line_is_always_shown() -> None:
    lines = [*QUIET, "Get: something quite harmless"]
    assert chosen(lines, [QUIET], steps=False).lines == [len(QUIET)]


def test_of_huge_passing_logs_the_first_and_last_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(line: str) -> str:
        read.append(line)
        return line

    monkeypatch.setattr(compare, "clean", noted)
    huge = [f"line {'x' * (number % 50)} of many" for number in range(200_000)]
    huge[0], huge[100_000], huge[-1] = "it begins", "in the middle", "it ends"
    assert beside(["it begins", "in the middle", "it ends"], [huge]).new.tolist() == [False, True, False]
    assert len(read) == MAX_PASSED_LINES
    read.clear()
    beside(["a"], [["b", "c", "d"]] * 50_000)
    assert len(read) <= MAX_PASSED_LINES


def test_the_headline_is_of_what_is_new() -> None:
    known = ["ERROR: cache upload failed: Connection refused (ignored)", "fatal: no tag found, using 0.0.0"]
    lines = [*QUIET, FAILURES["gcc"], *known]
    finding = analyze(lines, result=None, passed=[[*QUIET, *known]])
    assert "kettle" in finding.summary
    assert [(span.first, span.last) for span in finding.evidence] == [(len(QUIET) + 1, len(QUIET) + 1)]


def test_the_model_belongs_to_the_columns() -> None:
    assert json.loads(COMPARED.path.read_text())["features"] == list(COMPARED.names)
    assert COMPARED.names[: len(NAMES)] == NAMES
    assert beside([], [["a"]]).table.shape == (0, len(NAMES))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=30), max_size=40), st.lists(st.lists(st.text(max_size=30), max_size=20), max_size=3))
def test_whatever_the_logs_the_table_is_whole_and_only_news_are_chosen(
    lines: list[str], passed: list[list[str]]
) -> None:
    found = beside(lines, passed)
    assert found.table.shape == (len(lines), len(NAMES))
    assert np.isfinite(found.table).all()
    there = {line for log in passed for line in log}
    assert not any(new for line, new in zip(lines, found.new, strict=True) if line in there and line == clean(line))
    shown = chosen(lines, [*passed, ["a line"]], steps=False).lines
    assert shown == sorted(set(shown))
    assert len(shown) <= MAX_LINES
    if beside(lines, [*passed, ["a line"]]).new.any():
        assert beside(lines, [*passed, ["a line"]]).new[shown].all()


def test_what_names_the_failure_does_not_depend_on_what_passed() -> None:
    lines = [*(f"step {n} done" for n in range(40)), "kettle.c:3:5: error: no water", "make: *** [tea] Error 1"]
    passed = [*lines[:20], "all is well"]
    assert chosen(lines, [passed], steps=False).telling == chosen(lines, (), steps=False).telling != []
