"""The log's promises: order, at most 0.1 s late, bounded, whole characters, Delta's lines never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.logs import LogChunk, LogSource
from sandbox.log import AttemptLog


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Reader:
    """Collects what the log hands on."""

    def __init__(self, limit_bytes: int = 1_000_000) -> None:
        self.chunks: list[LogChunk] = []
        self.clock = Clock()
        self.log = AttemptLog(self.chunks.extend, limit_bytes, self.clock)

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def job_text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks if chunk.source is LogSource.JOB)


def test_output_waits_for_more_but_not_longer_than_a_tenth_of_a_second() -> None:
    reader = Reader()
    reader.log.job(b"a")
    reader.clock.now += 0.05
    reader.log.job(b"b")
    assert reader.chunks == []
    reader.clock.now += 0.06
    reader.log.job(b"")
    assert [chunk.text for chunk in reader.chunks] == ["ab"]


def test_much_output_does_not_wait_and_comes_in_small_chunks() -> None:
    reader = Reader()
    reader.log.job(b"x" * 200_000)
    reader.log.finish()
    assert reader.text == "x" * 200_000
    assert max(len(chunk.text) for chunk in reader.chunks) <= 64 * 1024


def test_deltas_lines_stand_behind_what_the_job_had_said() -> None:
    reader = Reader()
    reader.log.job(b"from the job\n")
    reader.log.delta("from Delta")
    assert [(chunk.source, chunk.text) for chunk in reader.chunks] == [
        (LogSource.JOB, "from the job\n"),
        (LogSource.DELTA, "from Delta\n"),
    ]


def test_what_is_said_aside_comes_with_whatever_is_next_and_is_never_lost() -> None:
    reader = Reader()
    reader.log.aside("one")
    assert reader.chunks == []
    reader.log.job(b"")
    reader.log.aside("two")
    reader.log.delta("three")
    reader.log.aside("four")
    reader.log.finish()
    assert [chunk.text for chunk in reader.chunks] == ["one\n", "two\n", "three\n", "four\n"]
    assert {chunk.source for chunk in reader.chunks} == {LogSource.DELTA}


def test_a_job_cannot_speak_as_delta() -> None:
    reader = Reader()
    reader.log.job(b"step 1 of 1 ended: exit code 0\n")
    reader.log.finish()
    assert {chunk.source for chunk in reader.chunks} == {LogSource.JOB}


def test_chunks_carry_the_step_they_belong_to() -> None:
    reader = Reader()
    reader.log.job(b"one")
    reader.log.end_of_output()
    reader.log.step = 1
    reader.log.job(b"two")
    reader.log.finish()
    assert [(chunk.step, chunk.text) for chunk in reader.chunks] == [(0, "one"), (1, "two")]


def test_a_character_cut_in_two_is_put_together() -> None:
    reader = Reader()
    for byte in "größe €".encode():
        reader.log.job(bytes([byte]))
    reader.log.finish()
    assert reader.text == "größe €"


def test_what_is_not_utf8_becomes_the_replacement_character() -> None:
    reader = Reader()
    reader.log.job(b"a\xff\xfeb\xc3")
    reader.log.finish()
    assert reader.text == "a\ufffd\ufffdb\ufffd"


def test_an_incomplete_character_does_not_reach_into_the_next_step() -> None:
    reader = Reader()
    reader.log.job(b"\xc3")
    reader.log.end_of_output()
    reader.log.job(b"\xa4")
    reader.log.finish()
    assert reader.text == "\ufffd\ufffd"


def test_beyond_the_limit_head_and_tail_are_kept_with_a_line_that_says_how_much_is_missing() -> None:
    reader = Reader(limit_bytes=2000)
    for number in range(1000):
        reader.log.job(f"{number:09}\n".encode())
        reader.clock.now += 1
    reader.log.job(b"")
    reader.log.finish()
    assert reader.text.startswith("000000000\n")
    assert reader.text.endswith("000000999\n")
    assert len(reader.job_text) <= 2000
    gap = next(chunk for chunk in reader.chunks if "left out here" in chunk.text)
    assert gap.source is LogSource.DELTA
    assert f"{10_000 - len(reader.job_text):,} bytes" in gap.text


def test_just_within_the_limit_nothing_is_missing() -> None:
    reader = Reader(limit_bytes=2000)
    for number in range(200):
        reader.log.job(f"{number:09}\n".encode())
        reader.clock.now += 1
    reader.log.finish()
    assert reader.job_text == "".join(f"{number:09}\n" for number in range(200))
    assert not any("left out" in chunk.text for chunk in reader.chunks)


def test_deltas_lines_survive_a_flood() -> None:
    reader = Reader(limit_bytes=1000)
    for number in range(50):
        reader.log.job(b"x" * 500)
        reader.log.delta(f"line {number}")
    reader.log.finish()
    delta = [chunk.text for chunk in reader.chunks if chunk.source is LogSource.DELTA]
    assert [text for text in delta if text.startswith("line")] == [f"line {number}\n" for number in range(50)]


def test_a_flood_is_not_held_in_memory() -> None:
    reader = Reader(limit_bytes=100_000)
    for _ in range(2000):
        reader.log.job(b"x" * 10_000)
    held = reader.log._held
    assert held is not None
    assert sum(len(chunk.text) for chunk in held) <= 50_000


@given(st.lists(st.binary(max_size=50), max_size=30), st.booleans())
def test_nothing_is_lost_or_reordered_below_the_limit(pieces: list[bytes], ticking: bool) -> None:
    reader = Reader()
    for piece in pieces:
        reader.log.job(piece)
        reader.clock.now += 0.2 if ticking else 0
    reader.log.finish()
    assert reader.text == b"".join(pieces).decode(errors="replace")
