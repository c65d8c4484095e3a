"""The source's way in, with a shell played by hand: when is the tree in place, and what if it never is?"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

import pytest

from models.errors import InfrastructureError
from sandbox.process import STDERR, STDOUT, TICK, Piece
from sandbox.spec import SandboxSpec
from sandbox.unpack import Tree

SPEC = SandboxSpec(image="image", installation="test")


@contextmanager
def source(content: bytes = b"tar") -> Iterator[BinaryIO]:
    yield io.BytesIO(content)


def word(tree: Tree) -> bytes:
    return f"{tree.shell(SPEC, ['step'])[4]}\n".encode()


def nothing() -> None:
    """Nobody cancels."""


def test_the_words_of_two_trees_differ() -> None:
    with Tree(source) as one, Tree(source) as other:
        assert word(one) != word(other)


def test_the_tree_is_in_place_when_the_word_comes_however_it_is_cut() -> None:
    with Tree(source) as tree:
        said = word(tree)
        pieces = iter([TICK, Piece(STDERR, said[:5]), TICK, Piece(STDERR, said[5:] + b"oops"), Piece(STDOUT, b"later")])
        assert tree.arrive(pieces, nothing) == (True, b"", b"oops")
        assert next(pieces).data == b"later"


def test_output_that_overtakes_the_word_is_not_lost() -> None:
    with Tree(source) as tree:
        pieces = iter([Piece(STDOUT, b"first "), Piece(STDOUT, b"line\n"), Piece(STDERR, word(tree))])
        assert tree.arrive(pieces, nothing).output == b"first line\n"


def test_a_shell_that_ends_without_the_word_has_not_unpacked() -> None:
    with Tree(source) as tree:
        arrival = tree.arrive(iter([Piece(STDERR, b"tar: no space\n")]), nothing)
        assert arrival == (False, b"", b"tar: no space\n")


def test_what_tar_says_is_bounded_and_does_not_hide_the_word() -> None:
    with Tree(source) as tree:
        noise = [Piece(STDERR, b"x" * 3000)] * 100
        assert len(tree.arrive(iter(noise), nothing).said) <= 4096
        assert tree.arrive(iter([*noise, Piece(STDERR, word(tree))]), nothing).in_place


def test_the_end_of_a_source_that_broke_is_not_passed_on() -> None:
    """Given a source that fails when it is closed, its reader never sees the end: an archive without one is no tree."""

    @contextmanager
    def broken() -> Iterator[BinaryIO]:
        yield io.BytesIO(b"half a tree")
        raise InfrastructureError("git archive failed")

    with Tree(broken) as tree:
        assert tree.read(100) == b"half a tree"
        with pytest.raises(InfrastructureError, match="git archive failed"):
            tree.read(100)


def test_what_opening_raises_is_raised_to_whoever_waits() -> None:
    def missing() -> AbstractContextManager[BinaryIO]:
        raise InfrastructureError("no such commit")

    with Tree(missing) as tree, pytest.raises(InfrastructureError, match="no such commit"):
        tree.opened(nothing)


def test_waiting_for_a_slow_source_can_be_cancelled_and_it_is_closed_when_it_has_come() -> None:
    go, closed = threading.Event(), threading.Event()

    @contextmanager
    def slow() -> Iterator[BinaryIO]:
        go.wait(30)
        try:
            yield io.BytesIO()
        finally:
            closed.set()

    class GiveUpError(Exception):
        pass

    def guard() -> None:
        raise GiveUpError

    with pytest.raises(GiveUpError), Tree(slow) as tree:
        tree.opened(guard)
    assert not closed.is_set()
    go.set()
    assert closed.wait(30)
