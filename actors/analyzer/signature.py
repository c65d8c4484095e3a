"""One line that is the same for the same cause, across runs, commits and machines, and another for another cause.

It ends with a digest of what the failure says first: the failing tests' names, and the first telling lines without
what changes from run to run. Words before it are for people: equal lines mean the same failure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from actors.analyzer.normalize import normalize
from models.failure import Category, FailingTest

MAX_CHARS: Final = 300
# So many lines; later ones are often of what followed, in an order that changes.
_LINES: Final = 8
_DIGEST_CHARS: Final = 10
_CHANGING: Final = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{7,40}\b|\d+")
_SPACES: Final = re.compile(r"\s+")
_FRAME: Final = re.compile(r'^\s*at \S|^\s+from |File "')


def signature(category: Category, failing: Sequence[FailingTest], message: str, evidence: Sequence[str]) -> str:
    """`category: what it says #digest`; without a digest where the log says nothing. `evidence` are its lines."""
    told = [text for line in evidence if not _FRAME.match(line) and (text := _plain(line))][:_LINES]
    names = sorted(test.name for test in failing)
    words = names[0] if names else normalize(message)
    if not told and not names:
        return f"{category}: {words or 'no log'}"[:MAX_CHARS]
    digest = hashlib.sha256("\n".join([*names, "", *told]).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{f'{category}: {words}'[: MAX_CHARS - _DIGEST_CHARS - 2]} #{digest[:_DIGEST_CHARS]}"


def _plain(line: str) -> str:
    """Also without folders, which differ between machines, and with every number alike, wherever it stands."""
    return _SPACES.sub(" ", _CHANGING.sub("#", normalize(line).lower())).strip()
