r"""A patch of text files: read, checked, applied and written. Pure, strict and bounded; nothing here touches a file.

It knows one thing only, to change lines of files that are there. What git's patches can do beside that (make, remove,
rename, link, change modes, binary) has no words here, so no patch can do it. Paths lie in the tree: relative, of plain
characters, without `..` and without anything of git's own.

The form is the unified diff of POSIX (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/diff.html) with git's
`a/` and `b/`, and `\ No newline at end of file`. Every fault is a `ChangeError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from models.errors import ChangeError
from models.record import Record

MAX_CHARS: Final = 6_000
MAX_FILES: Final = 10
AROUND: Final = 3  # lines of context that are written on each side
NO_NEWLINE: Final = "\\ No newline at end of file"

_PATH: Final = re.compile(r"[A-Za-z0-9_.@+-]+(?:/[A-Za-z0-9_.@+-]+)*")
# What a person who looks at the patch would not see: control characters but the tab, what hides or reorders text.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_HUNK: Final = re.compile(r"@@ -(\d{1,7})(?:,(\d{1,5}))? \+(\d{1,7})(?:,(\d{1,5}))? @@.*")


class Hunk(Record):
    """Lines that follow each other. `lines`: a space, `-` or `+`, then the line as it is, with its line break.

    `start` is the number of the first of them in the old file, from 1; in one that adds lines only, of that before it.
    """

    start: int
    lines: tuple[str, ...]

    @property
    def old(self) -> tuple[str, ...]:
        """What must be there."""
        return tuple(line[1:] for line in self.lines if line[0] != "+")

    @property
    def new(self) -> tuple[str, ...]:
        """What is to be there instead."""
        return tuple(line[1:] for line in self.lines if line[0] != "-")


class FilePatch(Record):
    """What changes in one file."""

    path: str
    hunks: tuple[Hunk, ...]


def checked_path(path: str) -> str:
    """The path, if it cannot lead out of the tree or into git's own files."""
    parts = path.split("/")
    if not _PATH.fullmatch(path) or any(part in {".", ".."} or part.lower() == ".git" for part in parts):
        raise ChangeError(f"a patch cannot change {path[:100]!r}: it is no plain path in the tree")
    return path


def parse(text: str) -> tuple[FilePatch, ...]:
    """The files of a patch that `render` wrote. Anything else than whole hunks is refused."""
    if len(text) > MAX_CHARS:
        raise ChangeError(f"the patch has {len(text):,} characters; at most {MAX_CHARS:,} are read")
    lines = text.split("\n")
    if lines.pop():
        raise ChangeError("the patch's last line is cut off")
    files: list[FilePatch] = []
    at = 0
    while at < len(lines):
        if not lines[at].startswith("--- a/") or lines[at + 1 : at + 2] != [f"+++ b/{lines[at][6:]}"]:
            raise ChangeError(f"line {at + 1} of the patch begins no file")
        path = checked_path(lines[at][6:])
        hunks, at = hunks_at(lines, at + 2)
        files.append(FilePatch(path=path, hunks=hunks))
    if not files or len(files) > MAX_FILES or len({file.path for file in files}) < len(files):
        raise ChangeError(f"the patch changes {len(files)} files; it must be 1 to {MAX_FILES}, each once")
    return tuple(files)


def hunks_at(lines: Sequence[str], at: int) -> tuple[tuple[Hunk, ...], int]:
    """The hunks that begin at this index, one at least, and the index after them."""
    hunks: list[Hunk] = []
    while at < len(lines) and (head := _HUNK.fullmatch(lines[at])) is not None:
        hunk, at = _body(lines, at + 1, int(head[1]), _count(head[2]), _count(head[4]))
        hunks.append(hunk)
    if not hunks:
        raise ChangeError(f"there is no hunk at line {at + 1}")
    return tuple(hunks), at


def _count(digits: str | None) -> int:
    return 1 if digits is None else int(digits)


def _body(lines: Sequence[str], at: int, start: int, old: int, new: int) -> tuple[Hunk, int]:
    """As many lines as its head says; an empty one is an empty line of context whose space got lost."""
    body: list[str] = []
    while old > 0 or new > 0:
        line = (lines[at] or " ") if at < len(lines) else "end"
        if line[0] not in " -+" or _UNSEEN.search(line):
            raise ChangeError(f"line {at + 1} of the patch is none of a hunk, or has what nobody would see")
        old -= line[0] != "+"
        new -= line[0] != "-"
        body.append(f"{line}\n")
        at += 1
        if at < len(lines) and lines[at] == NO_NEWLINE:
            body[-1] = line
            at += 1
    if old or new:
        raise ChangeError(f"the hunk that ends at line {at} has not as many lines as it says")
    return Hunk(start=start, lines=tuple(body)), at


def lines_of(content: str) -> list[str]:
    """A text's lines with their line breaks, of which there is one kind."""
    return [line for line in re.split(r"(?<=\n)", content) if line]


def applied(file: FilePatch, content: str) -> str:
    """The file's new content. Every line that the patch names must stand exactly where it says."""
    old = lines_of(content)
    made: list[str] = []
    done = 0
    for hunk in file.hunks:
        first = hunk.start - 1 if hunk.old else hunk.start
        if first < done or tuple(old[first : first + len(hunk.old)]) != hunk.old:
            raise ChangeError(f"the patch does not fit {file.path} at line {hunk.start}")
        made += [*old[done:first], *hunk.new]
        done = first + len(hunk.old)
    text = "".join((*made, *old[done:]))
    if text == content:
        raise ChangeError(f"the patch changes nothing in {file.path}")
    return text


def render(files: Iterable[FilePatch]) -> str:
    """The patch as text that `parse` reads. Raises for what that would refuse."""
    text = "".join(f"{line}\n" for file in files for line in _rendered(file))
    parse(text)
    return text


def _rendered(file: FilePatch) -> Iterator[str]:
    yield f"--- a/{file.path}"
    yield f"+++ b/{file.path}"
    shift = 0
    for hunk in file.hunks:
        old, new = len(hunk.old), len(hunk.new)
        # A side without lines names the line before it (POSIX): that is one less.
        start = hunk.start + shift + (not old) - (not new)
        yield f"@@ -{hunk.start},{old} +{start},{new} @@"
        for line in hunk.lines:
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield NO_NEWLINE
        shift += new - old


def difference(path: str, old_text: str, new_text: str) -> tuple[FilePatch, int, int]:
    """What makes one text of the other, where lines were only exchanged; and the numbers of the first and last of them.

    One hunk, so that what is between them can be seen too.
    """
    old, new = lines_of(old_text), lines_of(new_text)
    changed = [at for at, (before, after) in enumerate(zip(old, new, strict=False)) if before != after]
    if len(old) != len(new) or not changed:
        raise ChangeError(f"no lines of {path} were exchanged one for one")
    body: list[str] = []
    first = max(0, changed[0] - AROUND)
    for before, after in zip(old[first : changed[-1] + 1 + AROUND], new[first:], strict=False):
        body += [f" {before}"] if before == after else [f"-{before}", f"+{after}"]
    return FilePatch(path=path, hunks=(Hunk(start=first + 1, lines=tuple(body)),)), changed[0] + 1, changed[-1] + 1
