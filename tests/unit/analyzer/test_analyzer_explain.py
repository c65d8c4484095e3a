"""What a log can do to a comment: nothing. Judged by a Markdown parser that we did not write."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from actors.analyzer.explain import MAX_LINES, markdown, prose
from models.failure import Category, Explanation, FailingTest, Finding, PastFailure, Span, TestBlame, TestVerdict
from models.ids import CommitId, JobId, RunId

PAST = PastFailure(
    run=RunId("r1"),
    job=JobId("test"),
    at=1_700_000_000,
    head=CommitId("a" * 40),
    number=12,
    title="Round up",
    category=Category.TEST,
    signature="s",
    distance=0.0,
    fixed_by=CommitId("b" * 40),
    same=True,
)


def finding(text: str = "boom", **changes: object) -> Finding:
    lines = text.count("\n") + 1
    plain = Finding(
        category=Category.TEST,
        confidence=0.95,
        excerpt=(Span(first=5, last=4 + lines),),
        excerpt_text=text,
        summary=f"`test_add` failed: {text}"[:240],
        signature="s",
        failing_tests=(FailingTest(name="tests/test_a.py::test_add", message="assert 3 == 4", file="a.py", line=3),),
        looked_at=("1 failing test in the log",),
    )
    return plain.having(**changes)


def explained(found: Finding, past: PastFailure | None = None, verdicts: Sequence[TestVerdict] = ()) -> str:
    return markdown(Explanation(finding=found, past=past, verdicts=tuple(verdicts)))


def test_it_reads_like_this() -> None:
    assert explained(finding("assert 3 == 4"), PAST) == (
        "**A test fails** (test, 95% sure): `test_add` failed: assert 3 == 4 — 1 failing test in the log\n"
        "\n"
        "- `tests/test_a.py::test_add` at `a.py:3`\n"
        "\n"
        "Log lines 5:\n"
        "\n"
        "```text\n"
        "assert 3 == 4\n"
        "```\n"
        "\n"
        "Seen before: `test` of 2023-11-14 in #12 (`Round up`); fixed by bbbbbbbbbbbb.\n"
        "\n"
        "Next: look at what repaired it the last time."
    )


def test_where_it_stands_is_a_link_where_the_log_can_be_reached() -> None:
    spans = (Span(first=5, last=6), Span(first=9, last=9))
    text = markdown(Explanation(finding=finding("a\nb\nc", excerpt=spans)), "https://ci.example/v1/runs/r/jobs/t/log?")
    assert "Log lines [5-6](https://ci.example/v1/runs/r/jobs/t/log?lines=5-6), [9](https://" in text


def test_what_was_seen_often_is_counted() -> None:
    often = PAST.having(times=4, since=1_690_000_000, numbers=(15, 12))
    assert (
        "Seen before: 4 times since 2023-07-22 in #15, #12; "
        "one of them `test` of 2023-11-14 in #12 (`Round up`), fixed by bbbbbbbbbbbb."
    ) in explained(finding(), often)
    unlike = PAST.having(same=False, distance=0.004, number=None, title="", fixed_by=None, times=2)
    assert (
        "Something like it was seen before (99.6% alike): 2 times since 2023-11-14; "
        "lately `test` of 2023-11-14 in commit aaaaaaaaaaaa, no fix is known."
    ) in explained(finding(), unlike)


def verdict(
    test: str, blame: TestBlame = TestBlame.CAUSED_HERE, evidence: str = "passes on main", quarantine: str = ""
) -> TestVerdict:
    return TestVerdict(test=test, blame=blame, evidence=evidence, quarantine=quarantine)


def test_whose_fault_a_test_is_stands_on_its_line() -> None:
    test = "tests/test_a.py::test_add"
    text = explained(finding(), None, [verdict(test, TestBlame.KNOWN_FLAKY, "failed in 6 of 41 runs", "until May")])
    assert f"- `{test}` at `a.py:3` — **known flaky**: failed in 6 of 41 runs; until May\n" in text


def test_what_the_change_broke_comes_first_and_the_rest_is_counted() -> None:
    names = [f"test_{n}" for n in range(8)]
    blames = [TestBlame.KNOWN_FLAKY, TestBlame.FAILS_ON_BASE] * 3 + [TestBlame.NEW_AND_UNCLEAR, TestBlame.CAUSED_HERE]
    tests = tuple(FailingTest(name=name, message="m") for name in names)
    text = explained(finding(failing_tests=tests), PAST, [verdict(*each) for each in zip(names, blames, strict=True)])
    listed = [line.split("`")[1] for line in text.split("\n") if line.startswith("- `")]
    assert listed == ["test_7", "test_6", "test_1", "test_3"]
    assert "- and 4 more: 1 fails on base, 3 known flaky" in text


@pytest.mark.parametrize(
    ("blame", "says"),
    [(TestBlame.KNOWN_FLAKY, "run the job again"), (TestBlame.FAILS_ON_BASE, "repair the branch"),
     (TestBlame.CAUSED_HERE, "begin at `a.py:3`")],
)  # fmt: skip
def test_the_next_step_is_of_what_is_known_of_the_tests(blame: TestBlame, says: str) -> None:
    text = explained(finding(), None, [verdict("tests/test_a.py::test_add", blame)])
    assert text.split("\n")[-1].startswith(f"Next: {says}")


@pytest.mark.parametrize("category", Category)
def test_every_kind_has_a_next_step(category: Category) -> None:
    text = explained(finding(category=category, failing_tests=()))
    assert re.fullmatch(r"Next: [a-z].+[a-z`)]\.", text.split("\n")[-1])


def test_it_never_says_sure_of_what_it_does_not_know() -> None:
    text = explained(finding(category=Category.UNKNOWN, confidence=0.3))
    assert text.startswith("**I do not know why** (unknown): ")
    assert "sure" not in text


def test_it_stays_short_and_keeps_the_earlier_failure() -> None:
    many = tuple(FailingTest(name=f"test_{n}", message="m") for n in range(30))
    text = explained(finding("\n".join(f"line {n}" for n in range(40)), failing_tests=many), PAST)
    assert len(text.split("\n")) == MAX_LINES
    assert text.split("\n")[-3].startswith("Seen before")
    assert "- and 26 more" in text
    assert "lines …" in text


def test_lines_left_out_between_spans_show() -> None:
    text = explained(finding("one\ntwo", excerpt=(Span(first=1, last=1), Span(first=9, last=9))))
    assert "one\n…\ntwo" in text


def everything(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *everything(token.children or []))]


ALLOWED = {
    "paragraph_open", "paragraph_close", "inline", "text", "strong_open", "strong_close", "code_inline", "fence",
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "softbreak", "html_inline",
    "text_special",
}  # fmt: skip
HARMLESS_HTML = re.compile(r"</?code>")
ALIVE = re.compile(r"@[\w-]|(?<!\w)#\d|\bGH-\d|://|\bwww\.", re.IGNORECASE)

evil = st.text(max_size=60) | st.sampled_from(
    [
        "```\n@everyone", "~~~~\n# big", "````", "<img src=x onerror=1>", "![x](http://x/y.png)", "[a](http://b)",
        "@octocat see #1 and GH-2", "`@octocat`", "``@a``", "\\`@a", "www.evil.example", "http://evil.example",
        "</code>@x", "<!-- delta -->", "- item", "1. item", "> quote", "| a | b |", "a@b.example", "\u2028@x\u2029",
        "\r\n@x", "deadbeefdeadbeef", "owner/repo#5", "$x$", "<details>", "&lt;b&gt;", "\x1b[31m@x\x1b[0m", "```text",
    ]
)  # fmt: skip
logs = st.lists(evil, min_size=1, max_size=8).map("\n".join)


@settings(deadline=None)
@given(text=logs, name=evil, message=evil, title=evil, summary=evil, looked=evil, evidence=evil, reason=evil)
def test_nothing_of_a_log_comes_alive(
    *, text: str, name: str, message: str, title: str, summary: str, looked: str, evidence: str, reason: str
) -> None:
    tests = (FailingTest(name=name, message=message, file=name, line=1), FailingTest(name=message, message=name))
    given_finding = finding(text, failing_tests=tests, summary=f"`x` failed: {summary}", looked_at=(looked,))
    verdicts = [verdict(each.name, evidence=evidence, quarantine=reason) for each in tests]
    shown = explained(given_finding, PAST.having(title=title), verdicts)
    tokens = everything(MarkdownIt("commonmark").enable("table").parse(shown))
    kinds = {token.type for token in tokens}
    assert kinds <= ALLOWED, kinds - ALLOWED
    assert sum(token.type == "fence" for token in tokens) == (1 if text else 0)
    assert all(HARMLESS_HTML.fullmatch(token.content) for token in tokens if token.type == "html_inline")
    alive = [hit for token in tokens if token.type in {"text", "text_special"} for hit in ALIVE.findall(token.content)]
    assert not [hit for hit in alive if hit != "#1"], alive
    assert shown.split("\n")[-3].startswith("Seen before")
    assert len(shown.split("\n")) <= MAX_LINES


@settings(deadline=None)
@given(evil)
def test_prose_is_one_line(text: str) -> None:
    assert "\n" not in prose(text)
