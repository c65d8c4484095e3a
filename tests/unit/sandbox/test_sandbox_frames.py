"""Docker's stream framing, cut at every possible place."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from sandbox.process import Frames


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=10),
    st.integers(min_value=1, max_value=60),
)
def test_the_payload_is_the_same_however_the_connection_cuts_it(messages: list[tuple[int, bytes]], cut: int) -> None:
    wire = b"".join(frame(stream, data) for stream, data in messages)
    frames = Frames()
    pieces = [piece for start in range(0, len(wire), cut) for piece in frames.feed(wire[start : start + cut])]
    for stream in (1, 2):
        sent = b"".join(data for number, data in messages if number == stream)
        assert b"".join(piece.data for piece in pieces if piece.stream == stream) == sent


def test_a_part_of_a_frame_is_handed_on_at_once() -> None:
    wire = frame(1, b"x" * 1000)
    assert [piece.data for piece in Frames().feed(wire[:108])] == [b"x" * 100]
