import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.junit import MAX_TESTS, read_junit, read_report

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="1" failures="2">
<testcase classname="tests.test_ops.TestAdd" name="test_add[1-2]" time="0.001">
<failure message="assert 3 == 4&#10; +  where 3 = add(1, 2)">self = x
&gt;       assert add(1, 2) == 4
E       assert 3 == 4

tests/test_ops.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_ops" name="test_deep"><failure message="ValueError: no">
tests/test_ops.py:20:
_ _ _
src/ops.py:3: in f
/usr/lib/python3/x.py:9: ValueError</failure></testcase>
<testcase classname="" name="tests.test_syntax"><error message="collection failure">
E   SyntaxError: bad</error></testcase>
<testcase classname="tests.test_ops" name="test_fine" /><testcase classname="a" name="b"><skipped/></testcase>
</testsuite></testsuites>"""


def test_pytests_report() -> None:
    add, deep, syntax = read_junit(PYTEST)
    assert add.name == "tests/test_ops.py::TestAdd::test_add[1-2]"
    assert (add.message, add.file, add.line, add.source) == ("assert 3 == 4", "tests/test_ops.py", 12, "junit")
    assert (deep.name, deep.file, deep.line) == ("tests/test_ops.py::test_deep", "src/ops.py", 3)
    assert (syntax.name, syntax.message) == ("tests/test_syntax.py", "SyntaxError: bad")


def test_other_runners_reports() -> None:
    java = b"""<testsuite xmlns="urn:x"><testcase classname="com.acme.CartTest" name="adds">
        <failure type="AssertionError">expected 1
        at com.acme</failure></testcase>
        <testcase classname="com.acme.CartTest" name="flaky"><flakyFailure message="once"/></testcase>
        <testcase classname="com.acme.CartTest" name="rerun"><rerunFailure/><failure message="for good"/></testcase>
        </testsuite>"""
    assert [(test.name, test.message) for test in read_junit(java)] == [
        ("com.acme.CartTest.adds", "expected 1"),
        ("com.acme.CartTest.rerun", "for good"),
    ]


def test_a_report_that_breaks_off_gives_what_came_before() -> None:
    assert len(read_junit(PYTEST[: PYTEST.index(b"test_fine")])) == 3
    assert len(read_junit(PYTEST[: PYTEST.index(b"test_deep")])) == 1


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite><testcase name="x"><failure message="&b;"/></testcase></testsuite>"""
FILE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="x"><failure>&a;</failure></testcase></testsuite>"""


@pytest.mark.parametrize(
    "data",
    [b"", b"not xml", BOMB, FILE, b"<a>" * 200_000, b'<?xml version="1.0" encoding="nope"?><a/>', b"\xff\xfe\x00"],
    ids=["empty", "text", "bomb", "file", "deep", "encoding", "binary"],
)
def test_hostile_reports_give_nothing(data: bytes) -> None:
    assert read_junit(data) == ()


def test_more_tests_and_text_than_anyone_reads_are_cut() -> None:
    case = b'<testcase name="%d"><failure message="%s">%s</failure></testcase>'
    many = b"<testsuite>" + b"".join(case % (n, b"m" * 400, b"t" * 400) for n in range(3_000)) + b"</testsuite>"
    tests = read_junit(many)
    assert len(tests) == MAX_TESTS
    assert {len(test.message) for test in tests} == {300}


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_report(data: bytes) -> None:
    read_junit(data)
    read_junit(b"<testsuite><testcase name='x'><failure>" + data)


def test_which_of_the_tests_asked_for_passed() -> None:
    asked = {"tests/test_ops.py::test_fine", "tests.test_ops.TestAdd.test_add[1-2]", "a.b", "tests/test_ops.py::gone"}
    report = read_report(PYTEST, asked)
    assert report.passed == {"tests/test_ops.py::test_fine"}
    assert report.failing == read_junit(PYTEST)
    assert report.whole


def test_a_test_that_passes_in_one_place_and_fails_in_another_has_not_passed() -> None:
    twice = b'<testsuite><testcase name="x"/><testcase name="x"><failure message="m"/></testcase></testsuite>'
    assert read_report(twice, {"x"}).passed == frozenset()


@pytest.mark.parametrize("data", [b"", PYTEST[:-5], BOMB, PYTEST + b"<more/>"], ids=["empty", "cut", "bomb", "two"])
def test_a_report_that_is_not_read_to_its_end_says_so(data: bytes) -> None:
    assert not read_report(data).whole


def test_a_report_with_more_failures_than_are_kept_is_not_whole() -> None:
    case = b'<testcase name="x"><failure message="m"/></testcase>'
    assert not read_report(b"<testsuite>" + case * (MAX_TESTS + 1) + b"</testsuite>").whole
