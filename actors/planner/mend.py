"""A `.delta.yml` that cannot be read, with its obvious typos corrected. Pure; shown as a patch, never applied.

Obvious: the reader itself names the word that was meant, a key of the schema or a job of the file; it is one or two
letters away; and with all such words corrected the whole file can be read. That is also how the proposal is tried: what
failed is the reading, and no job is run for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from actors.planner.config import NAME, parse
from actors.planner.document import Place, read_document
from models.errors import ChangeError
from models.patch import difference, render
from models.probe import Probed
from models.proposal import Proposal, ProposalKind

_ROUNDS: Final = 3  # one typo may hide another
_MOST: Final = 20
_SHORTEST: Final = 3
FARTHEST: Final = 2

_WORD: Final = r"\"(?P<{}>[A-Za-z0-9_-]{{1,64}})\""
_SAID: Final = re.compile(
    rf"{re.escape(NAME)}:(?P<line>\d{{1,6}}):(?P<column>\d{{1,6}}): .{{0,200}}"
    rf"(?:(?:has no key|needs) {_WORD.format('wrong')}.{{0,40}}; did you mean {_WORD.format('right')}\?"
    rf"|lacks the key {_WORD.format('needed')}; is it meant by {_WORD.format('given')}\?)"
)


def mended(text: str) -> Proposal | None:
    """The corrected configuration as a proposal; None where nothing is wrong, or not everything is that obvious."""
    now = text
    for _ in range(_ROUNDS):
        try:
            parse(now, most=_MOST)
        except ChangeError as error:
            corrected = _corrected(now, str(error))
            if corrected == now:
                return None
            now = corrected
        else:
            return _proposal(text, now) if now != text else None
    return None


def _corrected(text: str, said: str) -> str:
    """With the word at each place that was complained of exchanged, from the last to the first."""
    lines = text.split("\n")
    for place, wrong, right in sorted(set(_typos(text, said)), reverse=True):
        at = _start(lines, place, wrong)
        if at is None or len(wrong) < _SHORTEST or distance(wrong, right) > FARTHEST:
            return text
        line = lines[place.line - 1]
        lines[place.line - 1] = line[:at] + right + line[at + len(wrong) :]
    return "\n".join(lines)


def _typos(text: str, said: str) -> Iterator[tuple[Place, str, str]]:
    for complaint in said.split("\n"):
        if (found := _SAID.match(complaint)) is None:
            continue
        if found["wrong"]:
            yield Place(int(found["line"]), int(found["column"])), found["wrong"], found["right"]
            continue
        # The place is that of what lacks the key; the key that is meant is below it, and must be the only one.
        keys = read_document(text, NAME).keys
        places = [place for loc, place in keys.items() if loc[-1:] == (found["given"],)]
        if len(places) == 1:
            yield places[0], found["given"], found["needed"]


def _start(lines: list[str], place: Place, word: str) -> int | None:
    """Where the word begins in its line, in quotes or not; None where something else stands there."""
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    at = place.column - 1
    at += line[at : at + 1] in {'"', "'"}
    after = line[at + len(word) : at + len(word) + 1]
    return at if line.startswith(word, at) and not re.match(r"[\w-]", after) else None


def _proposal(old_text: str, new_text: str) -> Proposal | None:
    try:
        file, first, last = difference(NAME, old_text, new_text)
        patch = render([file])
    except ChangeError:  # too far apart, or not plain text
        return None
    return Proposal(
        kind=ProposalKind.CONFIGURATION,
        patch=patch,
        why=f"the reader of {NAME} names what was probably meant",
        first=first,
        last=last,
        outcome=Probed.PASSED,
    )


def distance(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many, or exchanged with their neighbour (optimal string alignment)."""
    rows: list[list[int]] = [[*range(len(other) + 1)]]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]
