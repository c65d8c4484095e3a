"""Masking: what is looked for, wherever the stream is cut, and nothing else. Restated here by other means."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import shlex
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.sax import saxutils

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from models.ids import BlobId
from models.result import Artifact, AttemptResult, EgressUse, Outcome
from models.secret import LEAST_CHARS
from sandbox.log import AttemptLog
from sandbox.mask import Masker, Secrets
from sandbox.masked_files import MaskedFile
from sandbox.spellings import spellings

if TYPE_CHECKING:
    from models.logs import LogChunk

TOKEN = "tok-4f6a9c2e7b18d035"
AWKWARD = "it's \"a\" <b> & c/d+e?f=$g`h\\i %41 ∑\nsecond line's 'end'"


def of(*values: str) -> Secrets:
    return Secrets({f"S{at}": SecretStr(value) for at, value in enumerate(values)})


def masked(data: bytes, *values: str, cuts: tuple[int, ...] = ()) -> bytes:
    stream = Masker(of(*values))
    edges = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    shown = [stream.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    return b"".join([*shown, stream.end()])


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "url": lambda value: urllib.parse.quote(value, safe=""),
    "url, lower case": lambda value: re.sub("%..", lambda each: each[0].lower(), urllib.parse.quote(value, safe="")),
    "url path": urllib.parse.quote,
    "form": urllib.parse.quote_plus,
    "url, every byte": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "json": lambda value: json.dumps(value)[1:-1],
    "json, utf-8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json, every character": lambda value: "".join(f"\\u{ord(char):04X}" for char in value),
    "json of Go": lambda value: (
        json.dumps(value, ensure_ascii=False)[1:-1]
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    ),
    "python": lambda value: repr(value)[1:-1],
    "python bytes": lambda value: repr(value.encode())[2:-1],
    "shell": lambda value: shlex.quote(value).removeprefix("'").removesuffix("'"),
    "bash -x": lambda value: value.replace("'", "'\\''"),
    "xml": saxutils.escape,
    "xml attribute": lambda value: saxutils.quoteattr(value, {'"': "&quot;"})[1:-1],
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "windows": lambda value: value.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("value", [TOKEN, AWKWARD, "pass'word with blanks", "a" * 8])
def test_it_is_masked_as(encode: Callable[[str], str], value: str) -> None:
    assert masked(f"before ({encode(value)}) after".encode(), value) == b"before (***) after"


@pytest.mark.parametrize("value", [TOKEN, AWKWARD, "four" * 50])
@pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz", "\n"])
def test_base64_is_masked_at_any_offset_but_for_its_edges(value: str, before: str, after: str) -> None:
    raw = f"{before}{value}{after}".encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        shown = masked(b"<" + encode(raw) + b">", value)
        assert b"***" in shown
        assert len(shown) <= len("<***>") + 2 * 4 + len(before) * 2  # what is not decided by the value alone


def test_base64_that_is_broken_into_lines_is_masked() -> None:
    value = "\n".join(f"line {number} of a long key" for number in range(20))
    shown = masked(base64.encodebytes(value.encode()), value)
    assert shown.replace(b"***", b"").strip() == b""


def test_each_long_line_of_a_value_is_masked_and_no_short_one() -> None:
    value = "{\n  first-half-of-it\n  x\n}"
    assert masked(b"{ x } first-half-of-it\n", value) == b"{ x } ***\n"


def test_two_that_overlap_are_one_mask_and_one_within_another_is_the_longer() -> None:
    assert masked(b"-abcdefghijklmnop-", "abcdefghij", "ghijklmnop") == b"-***-"
    assert masked(b"-abcdefghijklmnop-", "cdefghij", "abcdefghijklmnop") == b"-***-"
    assert masked(b"-abcdefghijkl-", "abcdefgh", "abcdefghijklmnop") == b"-***ijkl-"


@pytest.mark.parametrize("value", ["abababab", "aaaaaaaaa"])
def test_a_value_that_repeats_itself_is_masked_for_ever_without_being_kept(value: str) -> None:
    stream = Masker(of(value))
    shown = b"".join(stream.feed(b"a" if value[1] == "a" else value[at % 2].encode()) for at in range(1000))
    assert len(stream._tail) < len(value)
    assert (shown + stream.end()).strip(b"*") in {b"", b"a", b"b"}


def test_output_waits_only_where_its_end_may_begin_a_secret() -> None:
    stream = Masker(of(TOKEN))
    assert stream.feed(b"an ordinary line\n") == b"an ordinary line\n"
    assert stream.feed(b"a prompt> ") == b"a prompt> "
    assert stream.feed(b"it is tok-4f") == b"it is "
    assert stream.feed(b"!") == b"tok-4f!"
    assert stream.feed(b"to") == b""
    assert stream.end() == b"to"


def test_no_spelling_is_too_short_or_begins_with_a_blank() -> None:
    for value in (TOKEN, AWKWARD, "  spaced out  \n", "a\nb\nc\nd\ne\n"):
        assert all(len(each) >= LEAST_CHARS and each == each.strip() for each in spellings(value))


values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0*"), min_size=8, max_size=40).filter(
    lambda value: len(value.strip()) >= LEAST_CHARS
)


@settings(deadline=None)
@given(
    data=st.data(),
    value=values,
    encoding=st.sampled_from(sorted(ENCODINGS)),
    around=st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_a_value_never_comes_out_wherever_the_stream_is_cut(
    data: st.DataObject, value: str, encoding: str, around: tuple[str, str]
) -> None:
    assume("\r" not in value or encoding != "windows")
    value = value.strip()
    if encoding == "json, every character":
        assume(value.isascii())
    encoded = ENCODINGS[encoding](value)
    stream = f"{around[0]}{encoded}{around[1]}".encode(errors="replace")
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    shown = masked(stream, value, cuts=tuple(cuts))
    assert encoded.encode() not in shown
    assert b"***" in shown
    assert shown == masked(stream, value)


@settings(deadline=None)
@given(text=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=8))
def test_what_is_no_secret_passes_as_it_is(text: bytes, cuts: list[int]) -> None:
    assume(all(spelling not in text for spelling in spellings(TOKEN)))
    assert masked(text, TOKEN, cuts=tuple(cuts)) == text


@settings(deadline=None)
@given(
    text=st.text("ab", max_size=80),
    secrets=st.lists(st.text("ab", min_size=8, max_size=12), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 80), max_size=10),
)
def test_everything_that_any_secret_covers_is_gone_and_all_else_stays(
    text: str, secrets: list[str], cuts: list[int]
) -> None:
    """Against the plain definition: a position is hidden when some secret, found anywhere, lies over it."""
    hidden = [False] * len(text)
    for secret in secrets:
        for at in range(len(text)):
            if text.startswith(secret, at):
                hidden[at : at + len(secret)] = [True] * len(secret)
    shown = masked(text.encode(), *secrets, cuts=tuple(cuts)).decode()
    assert shown.replace("***", "") == "".join(char for char, hide in zip(text, hidden, strict=True) if not hide)


def test_a_file_is_masked_in_pieces() -> None:
    content = (b"x" * 65_530 + TOKEN.encode()) * 3
    assert MaskedFile(io.BytesIO(content), of(TOKEN)).read() == (b"x" * 65_530 + b"***") * 3


def test_a_result_says_nothing_and_names_nothing() -> None:
    blob = BlobId("0" * 64)
    result = AttemptResult(
        outcome=Outcome.FAILED,
        detail=f"step 1 ended: curl -u {TOKEN}",
        artifacts=(Artifact(path=f"a/{TOKEN}", size_bytes=1, blob=blob), Artifact(path="b", size_bytes=1, blob=blob)),
        refused_artifacts=(f"{TOKEN}: a symbolic link",),
        egress=(EgressUse(host=f"{TOKEN}.evil.example", port=443, allowed=False),),
    )
    shown = of(TOKEN).masked_result(result)
    assert TOKEN not in shown.model_dump_json()
    assert [each.path for each in shown.artifacts] == ["b"]
    assert shown.refused_artifacts == ("***: a symbolic link", "a/***: there is a secret in its path")


class Reader:
    def __init__(self) -> None:
        self.chunks: list[LogChunk] = []
        self.now = 0.0
        self.log = AttemptLog(self.chunks.extend, 1_000_000, lambda: self.now, of(TOKEN))

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)


def test_the_log_masks_both_the_job_and_delta_also_across_a_line_of_deltas() -> None:
    reader = Reader()
    reader.log.job(TOKEN[:9].encode())
    reader.log.delta(f"step 1: curl {TOKEN}")
    reader.log.job(TOKEN[9:].encode() + b" \xe2\x88")
    reader.log.end_of_output()
    assert TOKEN[:9] not in reader.text
    assert reader.text == "step 1: curl ***\n*** \N{REPLACEMENT CHARACTER}"


def test_the_log_is_not_late_with_secrets_either() -> None:
    reader = Reader()
    reader.log.job(b"a line\n")
    reader.now += 0.11
    reader.log.job(b"")
    assert reader.text == "a line\n"
