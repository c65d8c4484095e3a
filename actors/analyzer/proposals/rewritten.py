"""What a probe has written into the snapshots that it was asked for, as a patch to the head. Pure but for the blobs.

Everything that came out of the sandbox may be an attacker's: the list of files, their sizes and what is in them. So
the paths are those that were asked for, the old text is the head's, and snapshots that are programs (jest's and
vitest's are loaded as such) may hold nothing but what those tools write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from actors.analyzer.proposals.files import MAX_FILE_BYTES, Files, guarded, text_of
from models.errors import ChangeError
from models.ids import BlobId
from models.linediff import changes
from models.patch import MAX_FILES, FilePatch, checked_path, render
from models.result import Artifact
from models.snapshots import Snapshots, SnapshotTool, is_snapshot

# A template without anything to evaluate; jest escapes `\`, the backtick and `${`.
_TEMPLATE: Final = r"`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+`"
_EXPORTS: Final = re.compile(
    r"// (?:Jest|Vitest) Snapshot v\d{1,3}, https://[\w./-]{1,100}\n"
    rf"(?:\nexports\[{_TEMPLATE}\] = {_TEMPLATE};\n)*+"
)


def rewritten(
    wanted: Snapshots, artifacts: Sequence[Artifact], read: Callable[[BlobId, int], bytes], files: Files
) -> str:
    """The patch, as text; empty where nothing has changed. `ChangeError` says why none may be proposed."""
    patches: list[FilePatch] = []
    for path in wanted.paths:
        if guarded(checked_path(path)) or not is_snapshot(wanted.tool, path):
            raise ChangeError(f"{path} is no snapshot that may be proposed")
        found = [artifact for artifact in artifacts if artifact.path == path]
        if not found:  # with the tests gone, the tool removes the file: no patch can do that
            continue
        old = text_of(files, path)
        patch = changes(path, old, _text(wanted.tool, path, found, read))
        patches += [patch] if patch is not None else []
        if len(patches) > MAX_FILES:
            raise ChangeError(f"more than {MAX_FILES} snapshots change")
    return render(patches) if patches else ""


def _text(tool: SnapshotTool, path: str, found: Sequence[Artifact], read: Callable[[BlobId, int], bytes]) -> str:
    """What one file holds now."""
    if len(found) > 1:
        raise ChangeError(f"{path} came out of the sandbox {len(found)} times")
    raw = read(found[0].blob, MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ChangeError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes by now")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ChangeError(f"{path} is not UTF-8 any more") from None
    if "\r" in text or "\0" in text:
        raise ChangeError(f"{path} is not plain text any more")
    if tool in {SnapshotTool.JEST, SnapshotTool.VITEST} and not _EXPORTS.fullmatch(text):
        raise ChangeError(f"{path} holds more than {tool} writes into a snapshot")
    return text
