"""Replaces secrets in a stream by stars, in every spelling that `spellings.py` knows, wherever the stream is cut.

Output waits only while its end may be the beginning of a spelling; since none begins with white space, a whole line
never does. Every place is looked at whatever the number of spellings: the eight bytes that begin there, as a number,
lead into a table; where the table says so, the text is compared. Overlapping spellings become one mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import SecretStr

from models.secret import LEAST_CHARS
from sandbox.spellings import spellings

if TYPE_CHECKING:
    from models.result import AttemptResult

MASK = b"***"

_HEAD = LEAST_CHARS  # bytes: a spelling is never shorter
_TABLE_BITS = 18
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: spreads heads over the table
_SHIFT = np.uint64(64 - _TABLE_BITS)


class Secrets:
    """The secrets of one attempt, ready to be looked for. Shared by the streams that may hold them."""

    def __init__(self, values: Mapping[str, SecretStr]) -> None:
        known = {spelling for value in values.values() for spelling in spellings(value.get_secret_value())}
        self._by_head: dict[bytes, list[bytes]] = {}
        for spelling in sorted(known, key=len, reverse=True):
            self._by_head.setdefault(spelling[:_HEAD], []).append(spelling)
        self._beginnings = frozenset(head[:size] for head in self._by_head for size in range(1, _HEAD))
        self._longest = max((len(spelling) for spelling in known), default=0)
        self._table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        for head in self._by_head:
            self._table[_places(head)] = True

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._by_head)

    def candidates(self, data: bytes) -> list[int]:
        """Places at which a spelling may begin, those less than eight bytes before the end left out."""
        if len(data) < _HEAD:
            return []
        found = np.flatnonzero(self._table[_places(data)])
        return [int(at) for at in found if data[at : at + _HEAD] in self._by_head]

    def ends(self, data: bytes, candidates: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Beginning and end of each place's longest spelling."""
        for at in candidates:
            for spelling in self._by_head[data[at : at + _HEAD]]:
                if data.startswith(spelling, at):
                    yield at, at + len(spelling)
                    break

    def begun(self, data: bytes, candidates: Iterable[int]) -> int:
        """The first place at which a spelling begins and does not end; the length of `data` when there is none."""
        size = len(data)
        for at in candidates:
            if size - at < self._longest:
                rest = data[at:]
                if any(len(spelling) > size - at and spelling.startswith(rest) for spelling in self._of(rest)):
                    return at
        for at in range(max(0, size - _HEAD + 1), size):
            if data[at:] in self._beginnings:
                return at
        return size

    def _of(self, rest: bytes) -> list[bytes]:
        return self._by_head[rest[:_HEAD]]

    def stream(self) -> Masker:
        """A stream to be masked."""
        return Masker(self)

    def masked(self, text: str) -> str:
        """A text of Delta's own, masked."""
        if not self:
            return text
        stream = self.stream()
        raw = text.encode(errors="surrogatepass")
        return (stream.feed(raw) + stream.end()).decode(errors="replace")

    def masked_result(self, result: AttemptResult) -> AttemptResult:
        """A result without a secret in any of its words. Artifacts whose path has one are refused."""
        if not self:
            return result
        named = tuple(each for each in result.artifacts if self.masked(each.path) != each.path)
        refused = (*result.refused_artifacts, *(f"{each.path}: there is a secret in its path" for each in named))
        kept = tuple(each for each in result.artifacts if each not in named)
        words = result.having(artifacts=kept, refused_artifacts=refused).model_dump(mode="json")
        return type(result).model_validate(self._in_all(words))

    def _in_all(self, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._in_all(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._in_all(each) for each in value]
        return self.masked(value) if isinstance(value, str) else value


class Masker:
    """One stream, in order. `found`: something in it was masked."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._tail = b""
        self.found = False
        self._masked = 0  # of the tail: the mask for so many of its bytes has been given

    def feed(self, data: bytes) -> bytes:
        """What may be shown by now."""
        return self._take(data) if data else b""

    def end(self) -> bytes:
        """What was waiting: nothing comes behind it."""
        return self._take(b"", last=True)

    def _take(self, data: bytes, *, last: bool = False) -> bytes:
        data = self._tail + data
        candidates = self._secrets.candidates(data)
        keep = len(data) if last else self._secrets.begun(data, candidates)
        shown: list[bytes] = []
        at = self._masked
        for begin, end in self._secrets.ends(data, candidates):
            if begin >= keep:
                break
            if end <= at:
                continue
            if begin >= at:
                shown += [data[at:begin], MASK]
                self.found = True
            at = end
        shown.append(data[at:keep])
        self._tail, self._masked = data[keep:], max(0, at - keep)
        return b"".join(shown)


def _places(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """For each eight bytes in a row, their place in the table."""
    heads = np.ndarray(len(data) - _HEAD + 1, dtype=np.uint64, buffer=data, strides=(1,))
    return ((heads * _FACTOR) >> _SHIFT).astype(np.intp)
