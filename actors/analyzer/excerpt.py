"""Which lines explain the failure: few, whole, and with the one among them that says it best.

Structure first (pytest's failures, unittest's, tracebacks, syntax errors, compilers' diagnostics), because its borders
are known; then words that go with failures; then the last lines. Each finder takes the log and gives regions, or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from actors.analyzer.window import Line, spans
from models.failure import Span

MAX_LINES: Final = 40
_MAX_REGIONS: Final = 3
_TAIL_LINES: Final = 12


class Region(NamedTuple):
    """Indexes into the window, inclusive, and the index of the line that says it best."""

    first: int
    last: int
    headline: int


class Excerpt(NamedTuple):
    """`structure` names what was recognised: `pytest`, `traceback` … `cue`, `tail`, or `nothing` for an empty log."""

    spans: tuple[Span, ...]
    text: str
    headline: str
    structure: str


# What tools and other systems write after any failure, and what only the cause itself says.
_TRAILER: Final = re.compile(
    r"npm ERR!|^The command .{0,200} exited|Job failed|^make(?:\[\d+\])?: \*\*\*|exit(?:ed)? (?:code|status|with)\b"
    r"|see above",
    re.IGNORECASE,
)
_TELLS: Final = re.compile(
    r"error[:\s\[]|exception|expected|assert|cannot|can't|not found|undefined|unresolved|denied|missing|invalid",
    re.IGNORECASE,
)
# Structures that are no more than words or a place.
_GUESSES: Final = frozenset({"cue", "tail"})

_Finder = Callable[[Sequence[Line]], list[Region]]

_SECTION: Final = re.compile(r"^={3,} ?(?P<title>[^=].*?) ?={3,}$")
_PYTEST_HEAD: Final = re.compile(r"^_{3,} (?:ERROR (?:collecting|at \w+ of) )?\S.* _{3,}$")
_PYTEST_ERROR: Final = re.compile(r"^E(?:   |$)")
_PYTEST_PLACE: Final = re.compile(r"^[^\s:]+:\d+: ")
_UNITTEST_HEAD: Final = re.compile(r"^(?:FAIL|ERROR): \w+ \([\w.]+\)")
_RULE: Final = re.compile(r"^(?:={60,}|-{60,})$")
_TRACEBACK: Final = re.compile(r"^\s*Traceback \(most recent call last\):$")
_FRAME: Final = re.compile(r'^\s+File "[^"]+", line \d+')
_SYNTAX: Final = re.compile(r"^(?:E\s+)?\s*(?:SyntaxError|IndentationError|TabError): ")
_SYNTAX_FILE: Final = re.compile(r'^(?:E\s+)?\s*File "[^"]+", line \d+')
_DIAGNOSTIC: Final = re.compile(
    r"^(?:[^\s:][^:]{0,200}:\d+(?::\d+)?:? (?:fatal )?error\b"
    r"|[^\s(][^(]{0,200}\(\d+(?:,\d+)?\): error\b"
    r"|error(?:\[E\d+\])?: \S"
    r"|(?:\./)?[^\s:]{1,200}\.go:\d+:\d+: "
    r"|[^\s:]{1,200}:\d+:\d+:? [A-Z]{1,4}\d{2,5}\b)",
    re.IGNORECASE,
)
_DIAGNOSTIC_MORE: Final = re.compile(r"^\s*(?:\d+ *\||\||-->|\^|~|= (?:note|help))|^\s{2,}\S")

_CUES: Final[tuple[tuple[re.Pattern[str], float], ...]] = tuple(
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception)(?:: |$)", 5.0),
        (r"\b(?:FATAL|fatal error|panic|PANIC|Segmentation fault|core dumped|Aborted)\b", 5.0),
        (r"(?:^|: )(?:command )?not found$|\bNo such file or directory\b|\bPermission denied\b", 4.5),
        (
            r"^npm ERR! (?!A complete)|\bNo module named\b|\bCould not find a version\b|\bunable to resolve dep",
            4.5,
        ),
        (r"\bKilled\b|\bOut of memory\b|\bMemoryError\b|\bNo space left on device\b", 4.5),
        (r"\b(?:Connection refused|timed out|Temporary failure in name resolution|Network is unreachable)\b", 4.0),
        (r"(?i)^\W{0,3}(?:error|fatal|failure|failed)\b[:!\]]", 4.0),
        (r"(?:^|\s)(?:ERROR|FAILED|FAILURE|FAIL)\b", 3.0),
        (r"(?i)\b(?:error|exception|failed|failure|cannot|can't|unable to|invalid|undefined|unexpected)\b", 2.0),
        (r"(?i)\bexit(?:ed)?(?: with)?(?: (?:code|status))? [1-9]\d*\b", 1.0),
    )
)
_NOT_A_CUE: Final = re.compile(
    r"(?i)\b(?:0 (?:errors?|fail(?:ed|ures?))|no errors?|errors?: 0|failures?: 0|without errors?|-W?error|warning)\b"
)


def excerpt(lines: Sequence[Line], ranked: Sequence[int] = ()) -> Excerpt:
    """The best excerpt of a window, at most MAX_LINES lines.

    `ranked` are the indexes that the ranker chose: where no structure is known, they know better than single words.
    """
    for structure, finder in _FINDERS:
        regions = finder(lines)
        if regions:
            if structure in _GUESSES and ranked:
                regions = [*_kept_together(ranked, _told(lines, ranked, regions[0].headline))]
            return _cut(lines, regions, structure)
    return Excerpt((), "", "", "nothing")


def _kept_together(ranked: Sequence[int], headline: int) -> Iterator[Region]:
    """The chosen lines as regions, each with this headline."""
    first = last = ranked[0]
    for index in (*ranked[1:], -1):
        if index != last + 1:
            yield Region(first, last, headline)
            first = index
        last = index


def _told(lines: Sequence[Line], ranked: Sequence[int], headline: int) -> int:
    """What the words say stays the headline where it is among the chosen lines, and says more than that it failed."""
    if headline in set(ranked) and not _TRAILER.search(lines[headline].text):
        return headline
    telling = (at for at in ranked if _TELLS.search(lines[at].text) and not _TRAILER.search(lines[at].text))
    return next(telling, headline if headline in set(ranked) else ranked[0])


def _cut(lines: Sequence[Line], regions: Sequence[Region], structure: str) -> Excerpt:
    wanted = dict.fromkeys(index for region in regions for index in range(region.first, region.last + 1))
    kept = sorted(list(wanted)[:MAX_LINES])  # the first regions matter most
    return Excerpt(
        spans=spans(lines, kept),
        text="\n".join(lines[index].text for index in kept),
        headline=lines[regions[0].headline].text.strip(),
        structure=structure,
    )


def _pytest(lines: Sequence[Line]) -> list[Region]:
    """Each failure's asserting line, its `E` lines and its place; not the whole source of the test."""
    regions: list[Region] = []
    inside, start = False, -1
    for index, line in enumerate(lines):
        section = _SECTION.match(line.text)
        head = inside and _PYTEST_HEAD.match(line.text)
        if (section or head) and start >= 0:
            regions.extend(_pytest_failure(lines, start, index))
            start = -1
        if section:
            inside = section["title"] in {"FAILURES", "ERRORS"}
        elif head:
            start = index
        if len(regions) >= _MAX_REGIONS:
            break
    if start >= 0 and len(regions) < _MAX_REGIONS:
        regions.extend(_pytest_failure(lines, start, len(lines)))
    return regions


def _pytest_failure(lines: Sequence[Line], start: int, end: int) -> list[Region]:
    last = next((index for index in range(end - 1, start, -1) if _PYTEST_ERROR.match(lines[index].text)), None)
    if last is None:
        return []
    # With a chain of exceptions the last group of `E` lines is what reached the test.
    first = end_of_errors = last
    while _PYTEST_ERROR.match(lines[first - 1].text):
        first -= 1
    headline = first
    syntax = [index for index in range(first, last + 1) if _SYNTAX.match(lines[index].text)]
    if syntax:
        headline = syntax[0]
    last = min(last, first + 9)
    place = next(
        (at for at in range(end_of_errors + 1, min(end_of_errors + 4, end)) if _PYTEST_PLACE.match(lines[at].text)),
        None,
    )
    before = range(first - 1, max(start, first - 9), -1)
    asserting = next((index for index in before if lines[index].text.startswith(">")), None)
    begin = asserting if asserting is not None else max(start + 1, first - 2)
    regions = [Region(begin, last, headline)]
    if place is not None:
        regions = [Region(begin, place, headline)] if place - last <= 3 else [*regions, Region(place, place, headline)]
    return regions


def _unittest(lines: Sequence[Line]) -> list[Region]:
    regions: list[Region] = []
    for index, line in enumerate(lines):
        if not _UNITTEST_HEAD.match(line.text) or not index or not _RULE.match(lines[index - 1].text):
            continue
        end = index + 2
        while end < len(lines) and not _RULE.match(lines[end].text) and end < index + 400:
            end += 1
        while end > index + 1 and not lines[end - 1].text:
            end -= 1
        frames = [at for at in range(index, end) if _FRAME.match(lines[at].text)]
        begin = frames[-1] if frames else min(index + 2, end - 1)
        headline = next((at for at in range(begin, end) if re.match(r"[\w.]+(?:: |$)", lines[at].text)), begin)
        regions += [Region(index, index, headline), Region(begin, min(end - 1, begin + 11), headline)]
        if len(regions) >= 2 * _MAX_REGIONS:
            break
    return regions


def _traceback(lines: Sequence[Line]) -> list[Region]:
    """The last traceback: its last two frames and the exception."""
    starts = [index for index, line in enumerate(lines) if _TRACEBACK.match(line.text)]
    for start in reversed(starts):
        indent = len(lines[start].text) - len(lines[start].text.lstrip())
        end = start + 1
        while (
            end < len(lines) and (not lines[end].text or lines[end].text[: indent + 1].isspace()) and end < start + 400
        ):
            end += 1
        frames = [at for at in range(start, end) if _FRAME.match(lines[at].text)]
        if not frames or end >= len(lines):
            continue
        last = end
        while (
            last + 1 < len(lines) and last < end + 4 and lines[last + 1].text and not _is_prompt(lines[last + 1].text)
        ):
            last += 1
        begin = frames[-2] if len(frames) > 1 else start
        return [Region(begin, last, end)]
    return []


def _is_prompt(text: str) -> bool:
    return text.startswith(("$ ", "+ ", "make", "##")) or _TRACEBACK.match(text) is not None


def _syntax(lines: Sequence[Line]) -> list[Region]:
    regions: list[Region] = []
    for index, line in enumerate(lines):
        if _SYNTAX.match(line.text):
            before = range(index, max(-1, index - 6), -1)
            begin = next((at for at in before if _SYNTAX_FILE.match(lines[at].text)), index)
            regions.append(Region(begin, index, index))
    return regions[:_MAX_REGIONS]


def _diagnostics(lines: Sequence[Line]) -> list[Region]:
    """The first few: later ones often follow from them."""
    regions: list[Region] = []
    for index, line in enumerate(lines):
        if not _DIAGNOSTIC.match(line.text):
            continue
        last = index
        while last + 1 < len(lines) and last < index + 5 and _DIAGNOSTIC_MORE.match(lines[last + 1].text):
            last += 1
        regions.append(Region(index, last, index))
        if len(regions) >= 5:
            break
    return regions


def _latest(lines: Sequence[Line]) -> list[Region]:
    """Of tracebacks, syntax errors and diagnostics, those that end last: the failing step ended there."""
    found = [regions for finder in (_traceback, _syntax, _diagnostics) if (regions := finder(lines))]
    return max(found, key=lambda regions: regions[-1].last, default=[])


def _cue(lines: Sequence[Line]) -> list[Region]:
    """The line with the strongest word, of equals the latest; with what stands right around it."""
    best, best_score = -1, 0.0
    for index, line in enumerate(lines):
        if not line.text or _NOT_A_CUE.search(line.text):
            continue
        score = next((weight for pattern, weight in _CUES if pattern.search(line.text)), 0.0)
        if score and score + index / len(lines) >= best_score:
            best, best_score = index, score + index / len(lines)
    if best < 0 or best_score < 2.0:
        return []
    first, last = best, best
    while first > 0 and best - first < 2 and lines[first - 1].text:
        first -= 1
    while last + 1 < len(lines) and last - best < 4 and lines[last + 1].text:
        last += 1
    return [Region(first, last, best)]


def _tail(lines: Sequence[Line]) -> list[Region]:
    said = [index for index, line in enumerate(lines) if line.text.strip()][-_TAIL_LINES:]
    return (
        [Region(said[0], said[-1], said[-1])]
        if said and said[-1] - said[0] < MAX_LINES
        else [Region(index, index, said[-1]) for index in said]
    )


_FINDERS: Final[tuple[tuple[str, _Finder], ...]] = (
    ("pytest", _pytest),
    ("unittest", _unittest),
    ("error", _latest),
    ("cue", _cue),
    ("tail", _tail),
)


def last_lines(lines: Sequence[Line]) -> Excerpt:
    """The end of the log: for a job that was stopped from outside, what it did last."""
    regions = _tail(lines)
    return _cut(lines, regions, "tail") if regions else Excerpt((), "", "", "nothing")
