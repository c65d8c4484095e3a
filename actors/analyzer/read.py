"""A log file as lines, as they are: a line ends at a newline and nothing else. Bounded for any file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.errors import CallerError

# A line beyond this is cut: nothing that explains a failure is said so late in a line.
MAX_LINE_BYTES: Final = 10_000
MAX_LINES: Final = 5_000_000


def read_lines(path: Path) -> list[str]:
    """The lines of a log. What is not UTF-8 is replaced. Raises `CallerError` for a file that cannot be read."""
    try:
        source = Path("/dev/stdin") if str(path) == "-" else path
        lines: list[str] = []
        with source.open("rb") as log:
            whole = True
            while len(lines) < MAX_LINES and (piece := log.readline(MAX_LINE_BYTES)):
                if whole:
                    lines.append(piece.removesuffix(b"\n").decode("utf-8", "replace"))
                whole = piece.endswith(b"\n")
    except OSError as error:
        raise CallerError(f"the log {path} cannot be read: {error.strerror}") from error
    return lines
