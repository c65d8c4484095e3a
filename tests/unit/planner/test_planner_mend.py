"""Obvious typos of a `.delta.yml`: corrected as a proposal, if that is all that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.analyzer.proposals.show import folded
from actors.planner.config import parse
from actors.planner.mend import distance, mended
from models.patch import applied
from models.patch import parse as parse_patch
from models.proposal import ProposalKind

GOOD = """version: 1
jobs:
  build:
    run: make
    timeout: 5m
  test:
    run: [make test]
    needs: [build]
    resources: {cpus: 2, memory_mb: 512}
"""


def after(text: str) -> str:
    found = mended(text)
    assert found is not None
    assert found.kind is ProposalKind.CONFIGURATION
    (file,) = parse_patch(found.patch)
    assert file.path == ".delta.yml"
    return applied(file, text)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("timeout", "timeuot"),
        ("    run: make\n", "    rnu: make\n"),
        ("cpus", "cpu"),
        ("jobs:", "jbos:"),
        ("[build]", "[biuld]"),
        ("version", "versoin"),
        ("timeout", '"timeot"'),
    ],
)
def test_one_typo(right: str, wrong: str) -> None:
    assert after(GOOD.replace(right, wrong)).replace('"', "") == GOOD


def test_several_and_one_that_hides_another() -> None:
    wrong = GOOD.replace("jobs:", "jbos:").replace("timeout", "timeuot").replace("needs", "neds")
    assert after(wrong) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "",
        "nothing",
        GOOD.replace("timeout", "patience"),
        GOOD.replace("timeout", "time_out_s"),
        GOOD.replace("timeout", "timeuot").replace("5m", "soon"),
        GOOD.replace("version: 1", "version: 3"),
        GOOD.replace("timeout", "timeuot").replace("\n", "\r\n"),
        GOOD.replace("timeout: 5m", "timeuot: 5m\n    timeout: 6m"),
        GOOD.replace("    run: make\n", "    rn: make\n"),
        GOOD.replace("    run: make\n", "    rnu: make\n    env: {rnu: x}\n"),
        GOOD.replace("timeout", "timeuot").replace("make\n", "make \u202e\n", 1),
        "timeuot: &a [*a]\n",
        GOOD.replace("timeout", "timeuot") + "#" * 300_000,
    ],
)
def test_where_more_is_wrong_or_nothing_or_it_is_not_obvious_nothing_is_proposed(text: str) -> None:
    assert mended(text) is None


@given(st.text(max_size=40), st.integers(0, len(GOOD)))
def test_whatever_is_proposed_can_be_read(noise: str, at: int) -> None:
    text = GOOD[:at] + noise + GOOD[at:]
    if mended(text) is not None:
        parse(after(text))


def test_it_is_shown_as_what_it_is() -> None:
    shown = folded(mended(GOOD.replace("timeout", "timeuot")))
    assert "Proposal: what was probably meant; tried by reading it, a plan can then be made; no job was run" in shown
    assert "\n-    timeuot: 5m\n+    timeout: 5m\n" in shown
    assert "From line 5:" in shown


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("a", "a", 0), ("ab", "ba", 1), ("", "abc", 3), ("timeuot", "timeout", 1), ("rn", "run", 1)],
)
def test_how_far_words_are_apart(one: str, other: str, far: int) -> None:
    assert distance(one, other) == distance(other, one) == far
