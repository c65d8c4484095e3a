"""Which symbols of a changed file are not what they were: comments, layout and moved lines change nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

from actors.planner.python.facts import BODY, Facts
from actors.planner.python.scan import scan_with_digests


class Side(NamedTuple):
    """A file before or after the change."""

    facts: Facts
    digests: dict[str, str]


class Difference(NamedTuple):
    """`symbols` differ, are new or are gone; of these, `gone` are no longer there. `imports` are new imports."""

    symbols: frozenset[str]
    gone: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()


def side(source: bytes | None) -> Side | None:
    """One side of the change; None where the file does not exist."""
    return None if source is None else Side(*scan_with_digests(source))


def difference(old: Side | None, new: Side | None) -> Difference:
    """What differs between two versions of a file. All of it does where there is only one."""
    if old is None or new is None:
        there = new or old
        return Difference(frozenset({BODY, *_symbols(there)} if there else ()))
    if not (old.facts.parsed and new.facts.parsed):
        same = old.digests == new.digests
        return Difference(frozenset() if same else frozenset({BODY, *_symbols(old), *_symbols(new)}))
    differing = {
        symbol
        for symbol in old.digests.keys() | new.digests.keys()
        if old.digests.get(symbol) != new.digests.get(symbol)
    }
    imported = {each.bound for each in new.facts.imports if each.symbol == BODY}
    return Difference(
        symbols=frozenset(differing),
        gone=frozenset(differing - new.digests.keys()),
        imports=frozenset(differing & imported),
    )


def outside(facts: Facts, bound: frozenset[str]) -> Iterator[str]:
    """The top-level packages, other than Python's own, that these imported names come from."""
    for each in facts.imports:
        if each.bound in bound and not each.level and each.symbol == BODY:
            root = each.module.partition(".")[0]
            if root not in sys.stdlib_module_names:
                yield root


def _symbols(side: Side) -> set[str]:
    return {*side.facts.lines, *(each.bound for each in side.facts.imports if each.symbol == BODY)}
