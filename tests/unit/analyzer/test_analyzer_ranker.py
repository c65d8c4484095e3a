"""What the ranker chooses of logs in many tools' words. None of them is a log that it was trained on."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.decide import analyze
from actors.analyzer.ranker.choose import MAX_LINES, chosen, is_of_steps
from actors.analyzer.ranker.features import NAMES, features
from actors.analyzer.ranker.trees import ALONE, scores

QUIET = [f"Get:{number} http://deb.example/debian main package-{number} [12.{number} kB]" for number in range(60)]
END = ["", 'The command "make check" exited with 2.', "", "Done. Your build exited with 1."]

FAILURES = {
    "gcc": [
        "cc -c src/tea.c",
        "src/tea.c:14:9: error: 'kettle' undeclared (first use in this function)",
        "   14 |  kettle();",
    ],
    "javac": [
        "[INFO] Compiling 12 files",
        "[ERROR] /w/src/Tea.java:[9,14] cannot find symbol",
        "[ERROR]   symbol: class Kettle",
    ],
    "gradle": ["> Task :test FAILED", "TeaTest > boils FAILED", "    java.lang.AssertionError at TeaTest.java:22"],
    "npm": ["npm ERR! code ERESOLVE", 'npm ERR! Could not resolve dependency: peer tea@"^2" from kettle@1.0.0'],
    "pytest": [
        "    def test_boil():",
        ">       assert boil(90) == 100",
        "E       assert 90 == 100",
        "tests/test_tea.py:7: AssertionError",
    ],
    "rspec": [
        "Failures:",
        "",
        "  1) Kettle boils",
        "     Failure/Error: expect(kettle).to be_hot",
        "     # ./spec/kettle_spec.rb:8",
    ],
    "phpunit": [
        "There was 1 failure:",
        "",
        "1) KettleTest::testBoils",
        "Failed asserting that 90 matches expected 100.",
        "/w/KettleTest.php:14",
    ],
    "go": ["--- FAIL: TestBoil (0.00s)", "    kettle_test.go:11: got 90, want 100", "FAIL"],
    "cargo": ["error[E0425]: cannot find function `boil` in this scope", "  --> src/main.rs:3:5"],
    "mocha": [
        "  12 passing (40ms)",
        "  1 failing",
        "",
        "  1) Kettle boils:",
        "     AssertionError: expected 90 to equal 100",
    ],
    "pip": ["ERROR: Could not find a version that satisfies the requirement kettle==9 (from versions: 1.0)"],
    "shell": ["./ci/run.sh: line 8: kettle: command not found"],
    "japanese": ["エラー: 設定ファイルが見つかりません: error: no such file 'やかん.conf'"],
}
TELLING = {
    "gcc": 1, "javac": 1, "gradle": 1, "npm": 1, "pytest": 2, "rspec": 3, "phpunit": 3, "go": 1, "cargo": 0, "mocha": 4,
    "pip": 0, "shell": 0, "japanese": 0,
}  # fmt: skip


@pytest.mark.parametrize("kind", FAILURES)
def test_the_line_that_tells_is_among_the_chosen(kind: str) -> None:
    lines = [*QUIET, "", "$ make check", *FAILURES[kind], *END]
    wanted = len(QUIET) + 2 + TELLING[kind]
    found = chosen(lines, (), steps=False).lines
    assert wanted in found
    assert len(found) < len(QUIET), "what is quiet is left out"


def test_what_a_passing_log_has_too_is_no_news() -> None:
    noise = ["warning: error handling is old", "Traceback is off", "error: ignored 3 times"]
    lines = [*QUIET, *noise, *FAILURES["shell"], *END]
    found = chosen(lines, [[*QUIET, *noise, *END]], steps=False).lines
    assert found == [len(QUIET) + len(noise)]


def test_a_log_that_has_nothing_new_is_judged_as_if_alone() -> None:
    lines = [*QUIET, *FAILURES["shell"], *END]
    assert len(QUIET) in chosen(lines, [lines], steps=False).lines


def test_of_a_log_of_steps_each_wording_is_shown_once() -> None:
    lines = [*QUIET, *FAILURES["gcc"], *QUIET, *FAILURES["go"] * 20, *END]
    found = [lines[at] for at in chosen(lines, (), steps=True).lines]
    assert FAILURES["gcc"][1] in found
    assert found.count(FAILURES["go"][1]) == 1
    assert is_of_steps(["2024-01-01T00:00:00.0Z ##[group]Run make"])
    assert not is_of_steps(lines)


def test_the_model_belongs_to_the_features() -> None:
    assert tuple(json.loads(ALONE.path.read_text())["features"]) == NAMES
    assert features(["a", ""]).shape == (2, len(NAMES))
    assert features([]).shape == (0, len(NAMES))
    judged = scores(features([*QUIET, "src/tea.c:14:9: error: no kettle", *END]))
    assert judged.argmax() == len(QUIET)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=40), max_size=60), st.lists(st.text(max_size=40), max_size=20), st.booleans())
def test_whatever_the_log_the_choice_is_of_its_lines(lines: list[str], passed: list[str], steps: bool) -> None:
    found = chosen(lines, [passed] if passed else (), steps=steps).lines
    assert found == sorted(set(found))
    assert all(0 <= at < len(lines) for at in found)
    assert len(found) <= MAX_LINES


def test_evidence_counts_the_lines_of_the_log() -> None:
    lines = [*QUIET, "$ make check", *FAILURES["cargo"], *END]
    finding = analyze(lines, result=None)
    numbers = [number for span in finding.evidence for number in range(span.first, span.last + 1)]
    assert len(QUIET) + 2 in numbers
    assert max(numbers) <= len(lines)
