"""One line that is the same for the same cause, across runs, commits and machines, and another for another cause.

It ends with a digest of the failing tests' names and of the lines that tell the most, taken as a set of words: not of
numbers, folders or the order of lines, which differ between two runs. Words before it are for people. Where a failure
ends or begins in the log, and what kind it was taken for, is not part of it: both may be judged differently next time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from actors.analyzer.normalize import normalize
from models.failure import FailingTest

MAX_CHARS: Final = 300
# Of many telling lines the first are enough, and later ones are often of what followed.
_LINES: Final = 12
_DIGEST_CHARS: Final = 10
_WORDS: Final = re.compile(r"[^\W\d]{3,}")
_SHAPE: Final = re.compile(r"<[a-z]{1,8}>")
_CHANGING: Final = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{7,40}\b|\d+", re.IGNORECASE)
_CUE: Final = re.compile(r"error|fail|exception|cannot|not found|no such|fatal|panic|invalid|undefined", re.IGNORECASE)


def signature(failing: Sequence[FailingTest], telling: Sequence[str]) -> str:
    """`what it says #digest`, or `no log` where the log says nothing. `telling` are its lines in their order."""
    said = _said(telling, _words) or _said(telling, _plain)
    names = sorted(_CHANGING.sub("#", test.name) for test in failing)
    if not said and not names:
        return "no log"
    parts = "\n".join([*names, "", *sorted(said)])
    digest = hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    told = names[0] if names else _headline(said)
    return f"{told[: MAX_CHARS - _DIGEST_CHARS - 2]} #{digest}"


def _said(lines: Iterable[str], of: Callable[[str], str]) -> dict[str, str]:
    """The first lines by what they say, each saying once."""
    found: dict[str, str] = {}
    for line in lines:
        if len(found) < _LINES and (saying := of(line)):
            found.setdefault(saying, line)
    return found


def _headline(said: Mapping[str, str]) -> str:
    """The longest line that complains, else the longest: the same one for the same words, in whatever order."""
    return _plain(said[max(said, key=lambda words: (bool(_CUE.search(words)), len(words), words))])


def _words(line: str) -> str:
    return " ".join(_WORDS.findall(_SHAPE.sub(" ", _plain(line)).lower()))


def _plain(line: str) -> str:
    return _CHANGING.sub("#", normalize(line).replace("<dir>/", ""))
