import string
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.planner.glob import compile_glob, match


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("src/**", "src/a.py", True),
        ("src/**", "src/a/b/c.py", True),
        ("src/**", "srcs/a.py", False),
        ("src/**", "lib/src/a.py", False),
        ("src", "src/a/b.py", True),
        ("src/", "src/a/b.py", True),
        ("src", "src", True),
        ("src", "src2/a", False),
        ("./src", "src/a", True),
        ("README.md", "README.md", True),
        ("README.md", "docs/README.md", False),
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "README.md", True),
        ("**/*.md", "a/b/README.md", True),
        ("**", "any/thing.x", True),
        ("a/**/b", "a/b", True),
        ("a/**/b/*.py", "a/x/b/y/b/c.py", True),
        ("a/**/b/*.py", "a/x/b/y/c.py", False),
        ("a/*/c", "a/b/c", True),
        ("a/*/c", "a/b/b/c", False),
        ("test_?.py", "test_a.py", True),
        ("test_?.py", "test_ab.py", False),
        ("v[0-9].txt", "v3.txt", True),
        ("v[0-9].txt", "vx.txt", False),
        ("v[!0-9].txt", "vx.txt", True),
        ("v[^0-9].txt", "v3.txt", False),
        ("v[]].txt", "v].txt", True),
        ("v[a-].txt", "v-.txt", True),
        ("*", "a", True),
        ("*", "a/b", False),
        ("src/*.{py", "", None),
        ("/abs", "", None),
        ("../up", "", None),
        ("a/**b", "", None),
        ("", "", None),
        ("!", "", None),
        ("a\\b", "", None),
        ("x" * 513, "", None),
    ],
)
def test_what_a_pattern_means(pattern: str, path: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"\w"):
            compile_glob(pattern)
    else:
        assert compile_glob(pattern).matches(path) is expected


@settings(deadline=None)
@given(st.text("ab*?", min_size=1, max_size=8).filter(lambda p: "**" not in p), st.text("ab", min_size=1, max_size=10))
def test_within_a_segment_it_agrees_with_fnmatch(pattern: str, name: str) -> None:
    assert compile_glob(pattern).matches(name) is fnmatchcase(name, pattern)


@settings(deadline=None)
@given(st.text(string.printable, max_size=30), st.text(string.printable, max_size=30))
def test_any_text_is_a_pattern_or_a_value_error(pattern: str, path: str) -> None:
    try:
        glob = compile_glob(pattern)
    except ValueError:
        return
    assert glob.matches(path) in {True, False}


def test_the_last_pattern_that_matches_decides() -> None:
    globs = [compile_glob(pattern) for pattern in ("src/**", "!src/gen/**", "src/gen/keep.py")]
    assert match(globs, "src/a.py") is globs[0]
    assert match(globs, "src/gen/a.py") is None
    assert match(globs, "src/gen/keep.py") is globs[2]


def test_only_exclusions_let_everything_else_in() -> None:
    globs = [compile_glob("!docs/**")]
    assert match(globs, "src/a.py") is not None
    assert match(globs, "docs/a.md") is None


def test_a_pattern_made_to_explode_ends() -> None:
    stars = compile_glob("*a" * 200 + "b")
    assert not stars.matches("a" * 1000)
    folders = compile_glob("**/a/" * 60 + "b")
    assert not folders.matches("a/" * 400 + "c")
