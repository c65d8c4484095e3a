from __future__ import annotations

import tarfile

from hypothesis import given
from hypothesis import strategies as st

from sandbox.source.lfs import KEPT_NAMES, Pointers
from tests.tars import tar_of

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4" * 64 + b"\nsize 12345\n"


def tar(files: dict[str, bytes]) -> bytes:
    return tar_of(files, form=tarfile.USTAR_FORMAT)


def looked(stream: bytes, piece: int) -> Pointers:
    pointers = Pointers()
    for start in range(0, len(stream), piece):
        pointers.look(stream[start : start + piece])
    return pointers


@given(st.integers(min_value=1, max_value=5000), st.integers(min_value=0, max_value=2000))
def test_pointers_are_found_wherever_the_pieces_are_cut(piece: int, before: int) -> None:
    stream = tar({"first.txt": b"x" * before, "art/logo.psd": POINTER, "last.txt": b"y" * 700, "b.bin": POINTER})
    pointers = looked(stream, piece)
    assert (pointers.count, pointers.names) == (2, ["art/logo.psd", "b.bin"])


def test_a_file_that_only_speaks_of_pointers_is_none() -> None:
    big = POINTER + b"and so on\n" * 200
    assert looked(tar({"docs.md": b"# About\n" + POINTER, "big.md": big}), 4096).told() == ""


def test_many_are_counted_and_some_are_named() -> None:
    pointers = looked(tar({f"{number}.bin": POINTER for number in range(9)}), 1 << 18)
    assert pointers.told().startswith("9 files are Git LFS pointers, not the content")
    assert pointers.told().endswith(f"4.bin and {9 - KEPT_NAMES} more")


def test_one_is_told_with_its_name_made_harmless() -> None:
    told = looked(tar({"a\x1b[31mb.bin": POINTER}), 1 << 18).told()
    assert told.startswith("1 file is a Git LFS pointer")
    assert "\x1b" not in told
