"""Path patterns as `.delta.yml` uses them: those of GitHub's `paths` filter, and what people mean by a plain folder.

`*` and `?` stay within a path segment, `**` spans any number of segments, `[a-z]` and `[!a-z]` are one character. A
pattern without a wildcard also matches everything below it, so `src`, `src/` and `src/**` are the same. A pattern that
begins with `!` takes paths away again; the last pattern that matches decides.

Patterns come from the change under test, so matching must not blow up: no regular expressions and no recursion, but
the two-pointer walk for wildcards, O(pattern x path), once over segments and once over characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

MAX_PATTERN_CHARS: Final = 512
_WILD: Final = frozenset("*?[")
_MANY: Final = "*"
_ANY_ONE: Final = "?"

P = TypeVar("P")
X = TypeVar("X")


@dataclass(frozen=True, slots=True)
class _Set:
    """A character class: ranges of characters, possibly negated."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def has(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) is not self.negated


_Token = str | _Set
_Segment = str | tuple[_Token, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern, ready to match many paths. Make it by `compile_glob`."""

    pattern: str
    negated: bool
    segments: tuple[_Segment, ...]

    def matches(self, path: str) -> bool:
        """Whether a path relative to the repository's root, with `/`, is meant by the pattern (without its `!`)."""
        first = self.segments[0]
        if isinstance(first, str) and first != "**" and not path.startswith(first):
            return False
        return _walk(self.segments, path.split("/"), many="**", one=_segment_matches)


def compile_glob(pattern: str) -> Glob:
    """The pattern, understood. Raises `ValueError` with the reason for one that is empty, unsafe or not supported."""
    negated = pattern.startswith("!")
    body = pattern.removeprefix("!").removeprefix("./")
    problem = _problem(body)
    if problem:
        raise ValueError(problem)
    parts = [part for part in body.split("/") if part]
    segments: list[_Segment] = [part if part == "**" or not _WILD & set(part) else _tokens(part) for part in parts]
    if body.endswith("/") or not _WILD & set(parts[-1]):
        segments.append("**")
    return Glob(pattern=pattern, negated=negated, segments=tuple(segments))


def match(globs: Sequence[Glob], path: str) -> Glob | None:
    """The pattern that lets the path in, or None. With nothing but `!` patterns, everything else is in."""
    found: Glob | None = None
    if globs and all(glob.negated for glob in globs):
        found = compile_glob("**")
    for glob in globs:
        if glob.matches(path):
            found = None if glob.negated else glob
    return found


def _problem(body: str) -> str:
    parts = body.split("/")
    checks = (
        (not body.strip("/. "), "the pattern is empty; use `**` for every file"),
        (len(body) > MAX_PATTERN_CHARS, f"the pattern is longer than {MAX_PATTERN_CHARS} characters"),
        (body.startswith("/") or ".." in parts, "a pattern starts at the repository's root: no leading `/`, no `..`"),
        ("\\" in body or not body.isprintable(), "folders are separated by `/`; no backslashes or control characters"),
        ("{" in body, "braces are not supported; list one pattern for each alternative"),
        (any("**" in part and part != "**" for part in parts), "`**` stands alone between slashes: `src/**/*.py`"),
    )
    return next((problem for wrong, problem in checks if wrong), "")


def _tokens(part: str) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    at = 0
    while at < len(part):
        end = part.find("]", at + 2) if part[at] == "[" else -1
        if end < 0:
            tokens.append(part[at])
            at += 1
            continue
        inside = part[at + 1 : end]
        negated = inside[0] in "!^" and len(inside) > 1
        tokens.append(_Set(ranges=_ranges(inside[negated:]), negated=negated))
        at = end + 1
    return tuple(tokens)


def _ranges(inside: str) -> tuple[tuple[str, str], ...]:
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(inside):
        is_range = inside[at + 1 : at + 2] == "-" and at + 2 < len(inside)
        ranges.append((inside[at], inside[at + 2] if is_range else inside[at]))
        at += 3 if is_range else 1
    return tuple(ranges)


def _segment_matches(segment: _Segment, name: str) -> bool:
    if isinstance(segment, str):
        return segment == name
    return _walk(segment, name, many=_MANY, one=_character_matches)


def _character_matches(token: _Token, character: str) -> bool:
    if isinstance(token, _Set):
        return token.has(character)
    return token in {_ANY_ONE, character}


def _walk(pattern: Sequence[P], items: Sequence[X], *, many: P, one: Callable[[P, X], bool]) -> bool:
    """Match a sequence against a pattern in which `many` stands for any run of items, also an empty one.

    Only the last `many` seen is ever widened: an earlier one that took more would gain nothing.
    """
    at_pattern = at_item = 0
    star, resume = -1, 0
    while at_item < len(items):
        if at_pattern < len(pattern) and pattern[at_pattern] == many:
            star, resume = at_pattern, at_item
            at_pattern += 1
        elif at_pattern < len(pattern) and one(pattern[at_pattern], items[at_item]):
            at_pattern += 1
            at_item += 1
        elif star >= 0:
            resume += 1
            at_pattern, at_item = star + 1, resume
        else:
            return False
    return all(element == many for element in pattern[at_pattern:])
