"""Patches: what is written is read, what is read fits exactly or not at all, and nothing leads out of the tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ChangeError
from models.patch import MAX_CHARS, MAX_FILES, NO_NEWLINE, FilePatch, Hunk, applied, lines_of, parse, render

texts = st.lists(st.text("ab -+@\\", max_size=4), min_size=1, max_size=8).map("\n".join)


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, FilePatch, str]:
    """An old text, a patch of some of its lines, and the new text, made without the code under test."""
    old = lines_of(draw(texts)) or ["a\n"]
    hunks, new, at = [], [], 0
    while at < len(old):
        skipped = draw(st.integers(0, 3))
        new += old[at : at + skipped]
        at += skipped
        gone = old[at : at + draw(st.integers(0, 2))]
        added = [f"{line}\n" for line in draw(st.lists(st.text("ab -+", max_size=3), max_size=2))]
        if gone and gone[-1:] == old[-1:] and at + len(gone) == len(old) and draw(st.booleans()) and added:
            added[-1] = added[-1].removesuffix("\n")
        elif not gone or at >= len(old):
            break
        hunks.append(Hunk(start=at + 1, lines=(*(f"-{line}" for line in gone), *(f"+{line}" for line in added))))
        new += added
        at += len(gone)
    return "".join(old), FilePatch(path="src/a.py", hunks=tuple(hunks)), "".join([*new, *old[at:]])


@given(edits())
def test_what_is_applied_is_what_was_meant_and_what_is_written_is_read(made: tuple[str, FilePatch, str]) -> None:
    old, patch, new = made
    if not patch.hunks or old == new:
        return
    assert applied(patch, old) == new
    assert parse(render([patch])) == (patch,)


def test_git_takes_what_is_written(tmp_path: Path) -> None:
    """Git is the judge of the form, with a line added at each end, one in the middle, and no last line break."""
    old = "".join(f"{number}\n" for number in range(1, 12)) + "last"
    lines = (
        Hunk(start=1, lines=(" 1\n", "-2\n", "+zwei\n", "+2.5\n", " 3\n")),
        Hunk(start=6, lines=("-6\n",)),
        Hunk(start=11, lines=(" 11\n", "-last", "+last\n", "+end")),
    )
    patch = FilePatch(path="a/b.txt", hunks=lines)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.txt").write_text(old)
    text = render([patch])
    assert text.count(NO_NEWLINE) == 2
    heads = [line for line in text.split("\n") if line.startswith("@@")]
    assert heads == ["@@ -1,3 +1,4 @@", "@@ -6,1 +6,0 @@", "@@ -11,2 +11,3 @@"]
    done = subprocess.run(
        ["git", "apply", "--unidiff-zero", "-"], input=text, cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a/b.txt").read_text() == applied(patch, old)


GOOD = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,1 +1,1 @@\n-x\n+y\n"


@pytest.mark.parametrize(
    "path",
    [
        "../a.py",
        "/etc/passwd",
        "src/../../a.py",
        "./a.py",
        "src//a.py",
        "src/",
        "",
        ".git/config",
        "sub/.GIT/hooks/x",
        "a b",
        "a\\b",
        "C:/a",
        "a\tb",
        "a\u202eb",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ChangeError):
        parse(GOOD.replace("src/a.py", path))
    with pytest.raises(ChangeError):
        render([FilePatch(path=path, hunks=(Hunk(start=1, lines=("-x\n", "+y\n")),))])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n",
        GOOD.removesuffix("\n"),
        GOOD + "new file mode 120000\n",
        "diff --git a/a b/a\nnew file mode 120000\n" + GOOD,
        GOOD.replace("--- a/src/a.py", "--- /dev/null"),
        GOOD.replace("+++ b/src/a.py", "+++ /dev/null"),
        GOOD.replace("+++ b/src/a.py", "+++ b/src/b.py"),
        "GIT binary patch\nliteral 4\nLc${NM&PdElPvrh\n",
        "Binary files a/x and b/x differ\n",
        GOOD.replace("-1,1 +1,1", "-1,3 +1,3"),
        GOOD.replace("-1,1 +1,1", "-1,99999 +1,99999"),
        GOOD.replace("-1,1 +1,1", "-1,0 +1,1"),
        GOOD.replace("@@ -1,1 +1,1 @@\n-x\n+y\n", ""),
        GOOD + GOOD,
        GOOD.replace("+y", "+y\u202e"),
        GOOD.replace("+y", "+y\x1b[1A"),
        GOOD.replace("+y", "+y\r"),
        GOOD.replace("+y", "+" + "y" * MAX_CHARS),
        "".join(GOOD.replace("src/a", f"src/{number}") for number in range(MAX_FILES + 1)),
    ],
)
def test_what_is_no_patch_of_lines_is_refused(text: str) -> None:
    with pytest.raises(ChangeError):
        parse(text)


@pytest.mark.parametrize("content", ["", "z\n", "z\nx\n", "x", "xx\n"])
def test_a_line_that_is_not_there_is_not_looked_for(content: str) -> None:
    (patch,) = parse(GOOD)
    with pytest.raises(ChangeError, match="does not fit"):
        applied(patch, content)


def test_hunks_that_overlap_or_go_back_and_patches_that_change_nothing_are_refused() -> None:
    twice = FilePatch(path="a", hunks=(Hunk(start=2, lines=("-b\n",)), Hunk(start=1, lines=("-a\n",))))
    with pytest.raises(ChangeError, match="does not fit"):
        applied(twice, "a\nb\n")
    with pytest.raises(ChangeError, match="changes nothing"):
        applied(FilePatch(path="a", hunks=(Hunk(start=1, lines=(" a\n",)),)), "a\n")
