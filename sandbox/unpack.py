"""The source's way into a sandbox, in the same exec as the first step: each exec costs its start, and one is enough.

A small shell checks the sandbox (`seal.py`), begins the forwarders into its door (`forward.py`), unpacks what comes on
its standard input, says a word that nobody can guess on its standard error, and becomes the step. The stream is opened
in a thread as soon as this is made, while the sandbox is still on its way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from models.errors import InfrastructureError
from sandbox import forward
from sandbox.process import STDERR, STDOUT, TICK_S, Piece
from sandbox.seal import check, refused
from sandbox.source.lfs import Pointers
from sandbox.spec import WORKSPACE, SandboxSpec

SAID_BYTES = 4096

# The job's variables are there already, since they are the exec's; the ones that `tar` would obey are taken from it.
# This shell's own have names that no job has: one that the job exports would be changed for its first step.
_UNPACK = (
    "_delta_word=$1; shift; {check} {begin} "
    "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin LD_PRELOAD= LD_LIBRARY_PATH= TAR_OPTIONS= "
    f"tar --extract --file=- --no-same-owner --directory={WORKSPACE} || exit; {{wait}} "
    'echo "$_delta_word" >&2; exec "$@" < /dev/null 2>&1'
)

Source = Callable[[], AbstractContextManager[BinaryIO]]


class Arrival(NamedTuple):
    """What the shell has said by the time the tree is in place: the job's first output may overtake the word.

    `in_place` is False when the shell ended without the word.
    """

    in_place: bool
    output: bytes
    said: bytes


class Tree:
    """A tar stream that is being opened. Use as a context manager; leaving it closes the stream.

    It is a file for `Process.pieces`: at its end the source is closed and checked before the sandbox hears of that end.
    So a tree that broke off is never taken for a whole one. `pointers` are the Git LFS pointers that went in.
    """

    def __init__(self, source: Source) -> None:
        self.pointers = Pointers()
        self._word = secrets.token_hex(16)
        self._stack = ExitStack()
        helper = ThreadPoolExecutor(1, "open-source")
        self._opened = helper.submit(self._open, source)
        helper.shutdown(wait=False)  # it ends with its work

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The source sees the error. One that is still being opened is closed when it has been, by its own thread."""
        if self._opened.done():
            self._stack.__exit__(kind, error, trace)
        else:
            self._opened.add_done_callback(lambda _: self._stack.close())

    def opened(self, guard: Callable[[], None]) -> None:
        """Wait until there is something to read. Raises what opening raised; `guard` is called every 0.1 s."""
        while True:
            try:
                self._opened.result(TICK_S)
            except TimeoutError:
                if self._opened.done():
                    raise
                guard()
            else:
                return

    def shell(self, spec: SandboxSpec, step: list[str], forwards: Sequence[forward.Forward] = ()) -> list[str]:
        """The command that checks the sandbox, begins the forwarders, unpacks, and then becomes `step`."""
        parts = {"check": check(spec), "begin": forward.begin(forwards), "wait": forward.wait(forwards)}
        text = _UNPACK
        for name, part in parts.items():
            text = text.replace(f"{{{name}}}", part)
        return ["/bin/sh", "-c", text, "sh", self._word, *step]

    def read(self, size: int) -> bytes:
        """Some of the stream. At its end, raises what closing the source raises."""
        data = self._opened.result().read(size)
        if data:
            self.pointers.look(data)
        else:
            self._stack.close()
        return data

    def arrive(self, pieces: Iterator[Piece], guard: Callable[[], None]) -> Arrival:
        """Consume `pieces` until the tree is in place, or there are no more. `guard` is called for each."""
        word = f"{self._word}\n".encode()
        output, said = bytearray(), bytearray()
        for piece in pieces:
            guard()
            if piece.stream == STDOUT:
                output += piece.data
            elif piece.stream == STDERR:
                said += piece.data
                if word in said:
                    return Arrival(in_place=True, output=bytes(output), said=bytes(said.partition(word)[2]))
                del said[:-SAID_BYTES]
        return Arrival(in_place=False, output=bytes(output), said=bytes(said))

    def _open(self, source: Source) -> BinaryIO:
        return self._stack.enter_context(source())


def not_unpacked(spec: SandboxSpec, said: bytes, exit_code: int | None) -> Exception:
    """The error for a tree that did not get in."""
    why = said.decode(errors="replace").strip() or "the sandbox ended"
    known = refused(spec, exit_code, why) or forward.not_forwarded(exit_code)
    return known or InfrastructureError(
        f"the source could not be unpacked in the sandbox (exit code {exit_code}): {why}",
        remedy=f"if the tree is larger than {spec.workspace_mb} MB, raise the job's `workspace_mb`",
    )
