import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.decide import MAX_SUMMARY_CHARS, analyze
from actors.analyzer.excerpt import MAX_LINES
from actors.analyzer.signature import MAX_CHARS, signature
from actors.analyzer.window import HEAD_LINES, TAIL_LINES, window
from models.failure import Category, Finding
from models.ids import JobId
from models.job import JobSpec, Resources
from models.result import AttemptResult, Cause, Outcome

PYTEST = """\
============================= test session starts ==============================
collected 3 items

tests/test_ops.py .F.                                                    [100%]

=================================== FAILURES ===================================
_________________________________ TestAdd.test_add _____________________________

    def test_add():
        first = 1
>       assert add(first, 2) == 4
E       assert 3 == 4
E        +  where 3 = add(1, 2)

tests/test_ops.py:12: AssertionError
----------------------------- Captured stdout call -----------------------------
ERROR: this is what the test printed, and means nothing
=========================== short test summary info ============================
FAILED tests/test_ops.py::TestAdd::test_add - assert 3 == 4
========================= 1 failed, 2 passed in 0.12s ==========================
"""
COLLECTING = """\
==================================== ERRORS ====================================
______________________ ERROR collecting tests/test_syntax.py ___________________
/usr/lib/python3/dist-packages/_pytest/python.py:617: in _importtestmodule
    mod = import_path(self.path, mode=importmode, root=self.config.rootpath)
E     File "/workspace/tests/test_syntax.py", line 3
E       def broken(:
E                  ^
E   SyntaxError: invalid syntax
=========================== short test summary info ============================
ERROR tests/test_syntax.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
"""
UNITTEST = """\
.F
======================================================================
FAIL: test_u (test_a.TestU.test_u)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/workspace/helpers.py", line 3, in run
    check()
  File "/workspace/test_a.py", line 11, in test_u
    self.assertEqual(1, 2)
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 2 tests in 0.001s

FAILED (failures=1)
"""
COMPILEALL = """\
*** Error compiling './src/calc/ops.py'...
  File "./src/calc/ops.py", line 2
    return (a + b
           ^
SyntaxError: '(' was never closed

"""
TRACEBACK = """\
starting
Traceback (most recent call last):
  File "/w/a.py", line 1, in <module>
    main()
  File "/w/b.py", line 9, in main
    run()
  File "/w/c.py", line 7, in run
    import requests
ModuleNotFoundError: No module named 'requests'
"""
GCC = """\
cc -c main.c
main.c:4:5: error: expected ';' before 'return'
    4 |     return 0;
      |     ^~~~~~
make: *** [Makefile:3: main.o] Error 1
"""
PIP = """\
Collecting nosuch
ERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)
ERROR: No matching distribution found for nosuch
"""
LINT = "src/a.py:1:1: F401 [*] `os` imported but unused\nFound 1 error.\n"


def failed(code: int = 1, cause: Cause = Cause.EXIT, detail: str = "") -> AttemptResult:
    return AttemptResult(outcome=Outcome.FAILED, cause=cause, exit_code=code, detail=detail)


def found(
    log: str, result: AttemptResult | None = None, *, junit: Sequence[bytes] = (), spec: JobSpec | None = None
) -> Finding:
    return analyze(log.split("\n"), result=result or failed(), junit=junit, spec=spec)


def shown(finding: Finding) -> list[str]:
    return finding.excerpt_text.split("\n")


def test_pytests_failure_is_its_assertion_and_place() -> None:
    finding = found(PYTEST)
    assert shown(finding) == PYTEST.split("\n")[10:15]
    assert [(span.first, span.last) for span in finding.excerpt] == [(11, 15)]
    assert finding.summary == "`test_add` failed: assert 3 == 4"
    assert finding.category is Category.TEST
    assert re.fullmatch(r"tests/test_ops\.py::TestAdd::test_add #[0-9a-f]{10}", finding.signature)


def test_a_junit_report_is_trusted_more_than_the_log() -> None:
    report = (
        b'<testsuite><testcase classname="tests.test_ops" name="test_other">'
        b'<failure message="assert 0">tests/test_ops.py:3: AssertionError</failure></testcase></testsuite>'
    )
    finding = found(PYTEST, junit=[b"broken", report, report])
    assert [(test.name, test.source) for test in finding.failing_tests] == [("tests/test_ops.py::test_other", "junit")]
    assert finding.confidence > found(PYTEST).confidence
    assert found(PYTEST, junit=[b"broken"]).failing_tests == found(PYTEST).failing_tests


@pytest.mark.parametrize(
    ("log", "category", "summary", "first", "last"),
    [
        (COLLECTING, "build", "SyntaxError: invalid syntax (`/workspace/tests/test_syntax.py`, line 3)", 3, 8),
        (COMPILEALL, "build", "SyntaxError: '(' was never closed (`src/calc/ops.py`, line 2)", 2, 5),
        (UNITTEST, "test", "`test_a.TestU.test_u` failed: AssertionError: 1 != 2", 3, 10),
        (TRACEBACK, "dependency", "ModuleNotFoundError: No module named 'requests'", 5, 9),
        (GCC, "build", "main.c:4:5: error: expected ';' before 'return'", 2, 4),
        (PIP, "dependency", PIP.split("\n")[1], 2, 3),
        (LINT, "lint", "src/a.py:1:1: F401 [*] `os` imported but unused", 1, 1),
        ("+ pyttest\nsh: 1: pyttest: not found\n", "configuration", "sh: 1: pyttest: not found", 1, 2),
        ("all went well\nbye\n", "unknown", "the command ended with code 1 and its log does not say why", 1, 2),
        ("", "unknown", "the command ended with code 1 and left no log", 0, 0),
    ],
)
def test_kinds_of_failure(log: str, category: str, summary: str, first: int, last: int) -> None:
    finding = found(log)
    assert (finding.category, finding.summary) == (category, summary)
    numbers = [number for span in finding.excerpt for number in (span.first, span.last)]
    assert (min(numbers, default=0), max(numbers, default=0)) == (first, last)
    assert finding.looked_at


SPEC = JobSpec(id=JobId("test"), run=("x",), timeout_s=10, resources=Resources(memory_mb=512))


@pytest.mark.parametrize(
    ("cause", "detail", "category", "summary"),
    [
        (Cause.WALL_TIME, "", "timeout", "ran longer than 10 s"),
        (Cause.OUT_OF_MEMORY, "", "out_of_memory", "used more than 512 MB of memory"),
        (Cause.RUNNER_LOST, "node n1 went away", "infrastructure", "node n1 went away"),
        (Cause.SANDBOX, "", "infrastructure", "the sandbox failed"),
        (Cause.QUEUE_TIME, "", "infrastructure", "no runner took the job in time"),
        (Cause.REFUSED, "no such image: x", "configuration", "no such image: x"),
        (Cause.OUTPUT_LIMIT, "", "configuration", "wrote more output than a job may"),
    ],
)
def test_what_the_sandbox_saw_outweighs_the_log(cause: Cause, detail: str, category: str, summary: str) -> None:
    finding = found(PYTEST, failed(cause=cause, detail=detail), spec=SPEC)
    assert (finding.category, finding.summary) == (category, summary)
    assert finding.confidence > 0.5


def test_a_job_that_was_stopped_shows_what_it_did_last() -> None:
    finding = found(f"{PYTEST}tests/test_slow.py .", failed(cause=Cause.WALL_TIME))
    assert shown(finding)[-1] == "tests/test_slow.py ."


def test_the_signature_is_of_what_is_said_and_of_nothing_that_changes() -> None:
    def of(*telling: str) -> str:
        return signature((), telling)

    first = of("/home/a/src/kettle.c:3: error: no tea", "make: *** [tea] Error 1")
    assert first == of("/build/b/src/kettle.c:17: error: no tea", "make: *** [tea] Error 2")
    assert first != of("/home/a/src/kettle.c:3: error: no water", "make: *** [tea] Error 1")
    assert first == of("make: *** [tea] Error 9", "kettle.c:4: error: no tea", "make: *** [tea] Error 1")
    assert re.fullmatch(r"kettle\.c:<n>: error: no tea #[0-9a-f]{10}", of("warming up", "kettle.c:3: error: no tea"))
    assert len({signature((), ()), of("エラー: 茶がない"), of("エラー: 水がない"), of("== !!"), of("== ??")}) == 5
    assert signature((), ()) == "no log"


def test_the_signature_is_the_same_on_another_machine_and_day() -> None:
    other = PYTEST.replace("in 0.12s", "in 4.56s").replace("3 == 4", "7 == 9").replace("3 items", "99 items")
    moved = "2024-01-01T00:00:00Z " + other.replace("\n", "\n2024-01-01T00:00:00Z ")
    assert found(other).signature == found(PYTEST).signature == found(moved).signature
    assert found(PYTEST.replace("test_add", "test_sub")).signature != found(PYTEST).signature


def test_many_failures_are_counted() -> None:
    lines = [f"FAILED a.py::test_{n} - boom" for n in range(7)]
    assert found("\n".join(lines)).summary == "7 tests failed, the first is `test_0`: boom"


def test_an_early_error_that_did_no_harm_loses_to_the_last_one() -> None:
    log = 'Traceback (most recent call last):\n  File "a.py", line 1\nOSError: retried\n' + "fine\n" * 50 + GCC
    assert found(log).summary.startswith("main.c:4:5: error")


BIG = {
    "two million lines": ["some ordinary line of a log, number"] * 2_000_000 + PYTEST.split("\n"),
    "one line of 50 MB": ["x" * 50_000_000, *GCC.split("\n")],
    "one line of words": ["error: " * 7_000_000],
    "binary": ["\ufffd\x00\x01" * 1000] * 20_000,
    "only tracebacks": ["Traceback (most recent call last):", "  x"] * 8_000,
    "only headers": ["=== FAILURES ===", *["___ x ___", "E   y"] * 8_000],
    "only E lines": ["=== FAILURES ===", "___ x ___", *["E   y"] * 12_000],
    "only unittest heads": ["=" * 70, "FAIL: x (y)"] * 8_000,
    "only syntax errors": ["SyntaxError: x"] * 14_000,
    "only failing tests": [f"FAILED a.py::t{n}" for n in range(14_000)],
    "blank": [""] * 14_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BIG)
def test_any_size_gives_a_sane_bounded_answer(name: str) -> None:
    finding = analyze(BIG[name], result=failed())
    assert len(finding.excerpt_text) <= MAX_LINES * 2_001
    assert len(finding.summary) <= MAX_SUMMARY_CHARS
    assert len(finding.signature) <= MAX_CHARS


def test_only_the_beginning_and_the_end_of_a_huge_log_are_looked_at() -> None:
    seen = window(["x"] * 100_000)
    assert len(seen) == HEAD_LINES + 1 + TAIL_LINES
    assert [seen[0].number, seen[HEAD_LINES].text, seen[-1].number] == [1, "", 100_000]


def test_the_line_numbers_of_a_huge_log_are_the_logs_own() -> None:
    finding = analyze(BIG["two million lines"], result=failed())
    assert [(span.first, span.last) for span in finding.excerpt] == [(2_000_011, 2_000_015)]


fragments = st.sampled_from([*PYTEST.split("\n"), *UNITTEST.split("\n"), *TRACEBACK.split("\n"), *GCC.split("\n")])


@settings(deadline=None)
@given(st.lists(fragments | st.text(max_size=40), max_size=60), st.sampled_from([None, *Cause]), st.binary(max_size=80))
def test_any_log_has_an_excerpt_of_its_own_lines(lines: list[str], cause: Cause | None, report: bytes) -> None:
    result = None if cause is None else failed(cause=cause)
    finding = analyze(lines, result=result, junit=[report])
    covered = [number for span in finding.excerpt for number in range(span.first, span.last + 1)]
    assert covered == sorted(set(covered))
    assert len(covered) <= MAX_LINES
    assert set(covered) <= set(range(1, len(lines) + 1))
    assert len(finding.excerpt_text.split("\n")) == max(1, len(covered))
    assert 0 <= finding.confidence <= 1
    assert finding.summary
    assert analyze(lines, result=result, junit=[report]) == finding
