"""Which lines differ: the patch makes the one text of the other, and hostile texts end it early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ChangeError
from models.linediff import MOST_EDITS, MOST_LINES, changes
from models.patch import applied, parse, render

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "d d"]), max_size=40)


@given(LINES, LINES, st.booleans(), st.booleans())
def test_it_makes_the_one_of_the_other_also_as_text(old: list[str], new: list[str], ends: bool, new_ends: bool) -> None:
    before = "\n".join(old) + "\n" * ends
    after = "\n".join(new) + "\n" * new_ends
    patch = changes("a.snap", before, after)
    if before == after:
        assert patch is None
        return
    assert patch is not None
    assert applied(patch, before) == after
    (read,) = parse(render([patch]))
    assert read == patch


def test_far_apart_changes_are_hunks_of_their_own_with_three_lines_around() -> None:
    old = [f"{number}\n" for number in range(40)]
    new = [*old[:5], "x\n", *old[6:30], *old[31:]]
    patch = changes("a.snap", "".join(old), "".join(new))
    assert patch is not None
    assert [(hunk.start, len(hunk.old), len(hunk.new)) for hunk in patch.hunks] == [(3, 7, 7), (28, 7, 6)]


def test_it_is_the_shortest() -> None:
    patch = changes("a.snap", "a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n")  # the paper's own example: five edits
    assert patch is not None
    assert sum(line[0] != " " for hunk in patch.hunks for line in hunk.lines) == 5


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("a\n", "a\n" * (MOST_LINES + 1), "20,000 lines"),
        ("a\n" * (MOST_LINES + 1), "", "20,000 lines"),
        ("a\nb\n" * 5_000, "b\na\na\n" * 5_000, "change"),
        ("a\n" * MOST_LINES, "b\n" * MOST_LINES, "change"),
        ("", "b\n" * (MOST_EDITS + 1), "change"),
    ],
)
def test_what_takes_too_many_edits_is_given_up(old: str, new: str, says: str) -> None:
    with pytest.raises(ChangeError, match=says):
        changes("a.snap", old, new)
