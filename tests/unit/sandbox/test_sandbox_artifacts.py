"""Artifacts: what a glob names, what is refused, and a tar stream that lies."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pytest

from models.ids import BlobId
from sandbox.artifacts import Limits, Listed, PieceReader, choose, matches, unpack
from sandbox.printable import printable
from sandbox.process import STDERR, STDOUT, TICK, Piece

MANY = Limits(files=100, total_bytes=1_000_000)


class MemoryBlobs:
    def __init__(self) -> None:
        self.content: dict[BlobId, bytes] = {}

    def put(self, stream: BinaryIO, limit_bytes: int) -> tuple[BlobId, int]:
        content = stream.read(limit_bytes)
        blob = BlobId(hashlib.sha256(content).hexdigest())
        self.content[blob] = content
        return blob, len(content)


def regular(path: str, size_bytes: int = 1) -> Listed:
    return Listed("f", 1, size_bytes, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("report.xml", "report.xml"),
        ("*.xml", "report.xml"),
        ("*.xml", ".hidden.xml"),
        ("out/*.xml", "out/a.xml"),
        ("./out/*.xml", "out/a.xml"),
        ("**/*.xml", "a.xml"),
        ("**/*.xml", "a/b/c.xml"),
        ("out/**", "out/a/b"),
        ("out", "out/a/b"),
        ("out/", "out/a/b"),
        ("**/out", "x/y/out/z"),
        ("o?t/[ab].txt", "out/b.txt"),
    ],
)
def test_a_glob_names_a_file_or_a_folder_above_it(pattern: str, path: str) -> None:
    assert matches(path, pattern)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.xml", "out/a.xml"),
        ("out", "outer/a"),
        ("out/*.xml", "out/b/a.xml"),
        ("report.xml", "report.xml.bak"),
        ("a/**/b", "a/x/c"),
        ("/etc/passwd", "etc/passwd"),
        ("../*", "x"),
        ("out/../*", "x"),
        ("", "x"),
        ("/", "x"),
        ("REPORT.xml", "report.xml"),
    ],
)
def test_a_glob_names_nothing_else(pattern: str, path: str) -> None:
    assert not matches(path, pattern)


def test_a_hostile_glob_is_answered_at_once() -> None:
    assert not matches("a" * 255, "*a" * 60 + "b")
    assert not matches("a/" * 500 + "a", "**/" * 300 + "b")


def test_links_devices_and_pipes_are_refused_and_named() -> None:
    listing = [Listed(kind, 1, 0, f"{kind}.txt") for kind in "lpscbD"] + [Listed("f", 2, 1, "hard.txt")]
    wanted, refused = choose(listing, ["*.txt"], MANY)
    assert wanted == {}
    assert sorted(line.split(":")[0] for line in refused) == sorted(["hard.txt", *(f"{kind}.txt" for kind in "lpscbD")])
    assert "l.txt: a symbolic link" in refused


@pytest.mark.parametrize("path", ["/abs", "a/../b", "../b", "a//b", "a\nb", "a\x1b[31m", "bad\ufffd", "\u202etxt"])
def test_a_path_that_leaves_the_workspace_or_disturbs_a_page_is_refused(path: str) -> None:
    wanted, refused = choose([regular(path)], ["**"], MANY)
    assert wanted == {}
    assert len(refused) == 1
    assert refused[0].isprintable()


def test_no_more_files_than_allowed() -> None:
    wanted, refused = choose([regular(f"{n}.txt") for n in range(5)], ["*.txt"], Limits(files=3, total_bytes=100))
    assert list(wanted) == ["0.txt", "1.txt", "2.txt"]
    assert refused == ["3.txt: more than 3 files", "4.txt: more than 3 files"]


def test_no_more_bytes_than_allowed_but_what_still_fits_comes() -> None:
    listing = [regular("big", 90), regular("huge", 10**12), regular("small", 10), regular("tiny", 1)]
    wanted, refused = choose(listing, ["*"], Limits(files=10, total_bytes=100))
    assert list(wanted) == ["big", "small"]
    assert [line.split(":")[0] for line in refused] == ["huge", "tiny"]


def test_the_first_patterns_come_first_where_room_is_short() -> None:
    listing = [regular("a.bin", 90), regular("junit.xml", 20)]
    wanted, _ = choose(listing, ["junit.xml", "*"], Limits(files=10, total_bytes=100))
    assert list(wanted) == ["junit.xml"]


def test_a_pattern_that_matches_nothing_is_said() -> None:
    assert choose([], ["dist/*"], MANY) == ({}, ["dist/*: matches no file"])


def test_a_printable_name_has_no_escape_sequences_and_an_end() -> None:
    assert printable("a\x1b[2Jb") == "a\ufffd[2Jb"
    assert len(printable("x" * 5000)) < 1100


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> BinaryIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    stream.seek(0)
    return stream


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def take(stream: BinaryIO, *wanted: Listed) -> tuple[dict[str, bytes], list[str]]:
    blobs, refused = MemoryBlobs(), list[str]()
    found = list(unpack(stream, {file.path: file for file in wanted}, blobs, refused))
    return {artifact.path: blobs.content[artifact.blob] for artifact in found}, refused


def test_what_was_asked_for_comes_out_with_its_digest() -> None:
    stream = tar_of((member("./out/a.txt"), b"hello"))
    assert take(stream, regular("out/a.txt", 5)) == ({"out/a.txt": b"hello"}, [])


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "./other", "a/../../b"])
def test_a_member_that_was_not_asked_for_is_refused(name: str) -> None:
    taken, refused = take(tar_of((member(name), b"evil")), regular("a.txt", 5))
    assert taken == {}
    assert len(refused) == 1


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_member_that_turned_into_something_else_is_refused(kind: bytes) -> None:
    taken, refused = take(tar_of((member("./a.txt", kind, "/etc/passwd"), b"")), regular("a.txt", 5))
    assert taken == {}
    assert refused == ["a.txt: not a regular file when it was fetched"]


def test_a_member_that_grew_is_refused_and_the_next_one_is_still_read() -> None:
    stream = tar_of((member("./a.txt"), b"x" * 100), (member("./b.txt"), b"b"))
    taken, refused = take(stream, regular("a.txt", 5), regular("b.txt", 1))
    assert taken == {"b.txt": b"b"}
    assert refused == ["a.txt: grew while it was fetched"]


def test_a_member_that_comes_twice_is_taken_once() -> None:
    stream = tar_of((member("./a.txt"), b"first"), (member("./a.txt"), b"again"))
    taken, refused = take(stream, regular("a.txt", 5))
    assert taken == {"a.txt": b"first"}
    assert refused == ["a.txt: was not asked for"]


def test_a_stream_that_is_no_tar_raises_what_the_caller_names() -> None:
    with pytest.raises(tarfile.TarError):
        take(io.BytesIO(b"no tar at all" * 100), regular("a.txt", 5))


def pieces_of(data: Iterable[bytes]) -> Iterator[Piece]:
    for part in data:
        yield TICK
        yield Piece(STDERR, b"tar: a remark")
        yield Piece(STDOUT, part)


def test_the_reader_gives_standard_output_only() -> None:
    reader = io.BufferedReader(PieceReader(pieces_of([b"ab", b"cde"]), 100, lambda: None))
    assert reader.read() == b"abcde"


def test_the_reader_ends_a_stream_that_is_longer_than_announced() -> None:
    reader = io.BufferedReader(PieceReader(pieces_of([b"x" * 60] * 1000), 100, lambda: None), 10)
    with pytest.raises(ValueError, match="longer than the files that were announced"):
        reader.read()
