"""Git LFS pointers in a tree that is on its way into a sandbox: a job that finds one instead of a file should be told.

Delta does not fetch what they point to. They are looked for in the tar stream itself: that costs one search through
bytes that pass anyway, where asking git would cost a look at every file.
"""

from __future__ import annotations

import re

from sandbox.printable import printable

# The first line of every pointer: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_FIRST_LINE = b"version https://git-lfs.github.com/spec/v1\n"
_BLOCK = 512
_NAME = slice(0, 100)
_SIZE = slice(124, 136)
_PREFIX = slice(345, 500)
_POINTER_BYTES = 1024  # the standard's limit: what is larger is a file about pointers
_LONG_NAME = re.compile(rb"[0-9a-f]{40}\.data")  # how git names a member whose name stands in a header before it
KEPT_NAMES = 5


class Pointers:
    """Counts the pointers in a tar stream that is shown to it piece by piece, and keeps the first names."""

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []
        self._seen = 0  # bytes of the stream before `_tail`
        self._tail = b""

    def look(self, data: bytes) -> None:
        """Take the next piece of the stream."""
        window = self._tail + data
        found = window.find(_FIRST_LINE)
        while found >= 0:
            # Content begins at a block's beginning, and the block before it is the member's header.
            if (self._seen + found) % _BLOCK == 0 and found >= _BLOCK:
                self._note(window[found - _BLOCK : found])
            found = window.find(_FIRST_LINE, found + 1)
        # Enough for a header and a first line that is cut off: no more, or it would be found twice.
        keep = min(len(window), _BLOCK + len(_FIRST_LINE) - 1)
        self._seen += len(window) - keep
        self._tail = window[len(window) - keep :]

    def told(self) -> str:
        """One line for the log; empty where there are none."""
        if not self.count:
            return ""
        more = f" and {self.count - len(self.names)} more" if self.count > len(self.names) else ""
        files = "1 file is a Git LFS pointer" if self.count == 1 else f"{self.count} files are Git LFS pointers"
        return f"{files}, not the content, which is not fetched: {', '.join(self.names)}{more}"

    def _note(self, header: bytes) -> None:
        size = header[_SIZE].strip(b"\0 ")
        if not size.isdigit() or int(size, 8) > _POINTER_BYTES:
            return
        self.count += 1
        if len(self.names) < KEPT_NAMES:
            self.names.append(_name(header))


def _name(header: bytes) -> str:
    name, prefix = header[_NAME].rstrip(b"\0"), header[_PREFIX].rstrip(b"\0")
    if _LONG_NAME.fullmatch(name):
        return "a file with a long name"
    text = (prefix + b"/" + name if prefix else name).decode(errors="replace")
    return printable(text)
