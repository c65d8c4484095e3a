import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.analyzer.normalize import MAX_LINE_CHARS, clean, normalize


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("\x1b[31mFAILED\x1b[0m tests/a.py", "FAILED tests/a.py"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07 text", "link text"),
        ("10%\r50%\r100% done", "100% done"),
        ("progress\r", "progress"),
        ("windows line\r\n", "windows line"),
        ("2024-05-01T10:00:00.123Z error: no", "error: no"),
        ("##[error]Process completed", "Process completed"),
        ("a\x00b\x07c\u202ed", "abcd"),
        ("\ufffd" * 400, "\ufffd"),
        ("日本語のログ", "日本語のログ"),
        ("  indented stays", "  indented stays"),
    ],
)
def test_a_line_as_a_person_would_have_seen_it(line: str, seen: str) -> None:
    assert clean(line) == seen


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 1.23s at 10:11:12", "took 45.6s at 23:59:59"),
        ("at 0x7f3a9c in /home/a/work/x.py", "at 0x1 in /builds/b/x.py"),
        ("object 4c1f9a2b77 is bad", "object deadbeef01 is bad"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-0000-0000-0000-0000000000ff"),
        ("used 12 MB of 3", "used 900 MB of 4"),
        (r"in C:\Users\a\x.py", r"in D:\b\x.py"),
    ],
)
def test_what_differs_between_runs_goes(one: str, other: str) -> None:
    assert normalize(one) == normalize(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("test_sha256 failed", "test_sha512 failed"), ("KeyError: 'a'", "KeyError: 'b'"), ("a/x.py", "a/y.py")],
)
def test_what_tells_causes_apart_stays(one: str, other: str) -> None:
    assert normalize(one) != normalize(other)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_bounded_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert "\n" not in once or "\n" in text
    assert len(once) <= MAX_LINE_CHARS
    assert normalize(normalize(text)) == normalize(normalize(normalize(text)))


@pytest.mark.parametrize(
    "hostile", ["/a" * 10**6, "\x1b[" * 10**6, "1." * 10**6, "a" * 10**7, "f0" * 10**6, "\r" * 10**6]
)
def test_a_hostile_line_is_cut_before_anything_else(hostile: str) -> None:
    assert len(clean(hostile)) <= MAX_LINE_CHARS
    assert len(normalize(hostile)) <= 3 * MAX_LINE_CHARS


def test_of_a_long_line_its_beginning_and_end_are_looked_at() -> None:
    assert clean("\x1b[0m" * MAX_LINE_CHARS + " error").endswith(" error")
    assert clean("\x1b[0m" * 100 + "error") == "error"
    long = clean("rustc " + "--cfg x " * 600 + "(signal: 9)")
    assert len(long) <= MAX_LINE_CHARS
    assert long.startswith("rustc --cfg")
    assert long.endswith("(signal: 9)")
    assert "needle" not in clean("x" * 20_000 + "needle" + "x" * 20_000)
