"""The log of one attempt: bytes in, bounded chunks of text out, in the order in which they came.

Job output is gathered for at most `STEP_S`, decoded as UTF-8 across the edges of pieces (what is invalid becomes
U+FFFD) and handed to the sink. Up to half of the limit is handed on as it comes. What comes after is held back, its
last half of the limit in memory, and handed on when the attempt ends, after a line that says how much is missing.
Delta's own lines are never left out: they are few, and say how the job ended.
"""

from __future__ import annotations

import codecs
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from models.logs import LogChunk, LogSource

if TYPE_CHECKING:
    from sandbox.mask import Secrets  # loads numpy, which an attempt without secrets does not need

STEP_S = 0.1
CHUNK_BYTES = 64 * 1024
BATCH_CHUNKS = 16

Sink = Callable[[list[LogChunk]], None]


class _Held(NamedTuple):
    """A chunk kept back, its text as bytes: decoded, it may need four times the memory."""

    at: float
    source: LogSource
    step: int
    text: bytes

    def chunk(self) -> LogChunk:
        return LogChunk(at=self.at, source=self.source, step=self.step, text=self.text.decode())


class AttemptLog:
    """Takes the job's output and Delta's lines. Errors of the sink reach the caller.

    Not thread-safe, but for `aside`.
    """

    def __init__(
        self,
        sink: Sink,
        limit_bytes: int,
        clock: Callable[[], float] = time.time,
        secrets: Secrets | None = None,
    ) -> None:
        """`limit_bytes` bounds the job's text, counted in UTF-8; `clock` gives Unix seconds; `secrets` are masked."""
        self.step = 0
        self._sink = sink
        self._half = limit_bytes // 2
        self._clock = clock
        self._secrets = secrets
        self._masker = secrets.stream() if secrets else None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending: list[str] = []
        self._pending_chars = 0
        self._pending_since = 0.0
        self._passed_bytes = 0
        self._held: deque[_Held] | None = None
        self._held_bytes = 0
        self._dropped_bytes = 0
        self._kept: list[_Held] = []
        self._aside: deque[str] = deque()

    def job(self, data: bytes) -> None:
        """Take some of the job's output, or none: call it at least every `STEP_S` so that what waits gets out."""
        self._tell_asides()
        now = self._clock()
        self._decode(data if self._masker is None else self._masker.feed(data), now)
        if self._pending and now - self._pending_since >= STEP_S:
            self._flush()

    def delta(self, line: str) -> None:
        """Say something as Delta, in a line of its own, after all that the job has said so far."""
        self._tell_asides()
        self._flush()
        self._emit(LogSource.DELTA, f"{line}\n")

    def aside(self, line: str) -> None:
        """Say something as Delta from any thread: it is told when this is next given anything."""
        self._aside.append(line)

    def end_of_output(self) -> None:
        """A command has ended: an incomplete character at its end will not be completed by the next one."""
        if self._masker is not None:
            self._decode(self._masker.end(), self._clock())
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        if rest:
            self._pending.append(rest)
        self._flush()

    def finish(self) -> None:
        """Hand on everything that is still here."""
        self.end_of_output()
        self._tell_asides()
        held, self._held = self._held, None
        if held is None:
            return
        chunks = [kept.chunk() for kept in self._kept]
        if self._dropped_bytes:
            limit = f"the log's limit is {2 * self._half:,} bytes"
            gap = f"… {self._dropped_bytes:,} bytes of output left out here: {limit} …\n"
            at = held[0].at if held else self._clock()
            chunks.insert(0, LogChunk(at=at, source=LogSource.DELTA, step=self.step, text=gap))
        for start in range(0, len(chunks), BATCH_CHUNKS):
            self._sink(chunks[start : start + BATCH_CHUNKS])
        while held:
            self._sink([held.popleft().chunk() for _ in range(min(BATCH_CHUNKS, len(held)))])

    def _tell_asides(self) -> None:
        while self._aside:
            line = self._aside.popleft()
            self._flush()
            self._emit(LogSource.DELTA, f"{line}\n")

    def _decode(self, data: bytes, now: float) -> None:
        for start in range(0, len(data), CHUNK_BYTES):
            text = self._decoder.decode(data[start : start + CHUNK_BYTES])
            if not text:
                continue
            if not self._pending:
                self._pending_since = now
            self._pending.append(text)
            self._pending_chars += len(text)
            if self._pending_chars >= CHUNK_BYTES:
                self._flush()

    def _flush(self) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        self._pending_chars = 0
        if text:
            self._emit(LogSource.JOB, text)

    def _emit(self, source: LogSource, text: str) -> None:
        if self._secrets and source is LogSource.DELTA:
            text = self._secrets.masked(text)
        raw = text.encode()
        if self._held is None and source is LogSource.JOB:
            self._passed_bytes += len(raw)
            if self._passed_bytes > self._half:
                self._hold_back()
        chunk = _Held(self._clock(), source, self.step, raw)
        if self._held is None:
            self._sink([chunk.chunk()])
            return
        self._held.append(chunk)
        self._held_bytes += len(raw) if source is LogSource.JOB else 0
        while self._held_bytes > self._half:
            self._drop(self._held.popleft())

    def _drop(self, oldest: _Held) -> None:
        if oldest.source is LogSource.DELTA:
            self._kept.append(oldest)
            return
        self._held_bytes -= len(oldest.text)
        self._dropped_bytes += len(oldest.text)

    def _hold_back(self) -> None:
        line = (
            f"the log has reached half of its limit of {2 * self._half:,} bytes: from here on, "
            f"only the last {self._half:,} bytes are kept, and shown when the job ends\n"
        )
        self._sink([LogChunk(at=self._clock(), source=LogSource.DELTA, step=self.step, text=line)])
        self._held = deque()
