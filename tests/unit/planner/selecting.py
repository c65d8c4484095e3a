"""Trees held in memory, and which of their tests a change of them reaches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from actors.planner.python.modules import is_python
from actors.planner.python.project import VERSION, PythonProject, learn, sides
from actors.planner.python.select import Selection
from cluster.factbase import FactBase

Tree = Mapping[str, str | bytes]


def selection(
    before: Tree,
    change: Mapping[str, str | bytes | None],
    *,
    documents: Sequence[str] = (),
    packages: Sequence[str] = (),
) -> Selection:
    """What is selected when `change` (None: the file is deleted) is made to the tree `before`."""
    after = {path: text for path, text in {**before, **change}.items() if text is not None}
    blobs = {hashlib.sha256(_bytes(text)).hexdigest(): _bytes(text) for text in after.values()}
    files = {path: hashlib.sha256(_bytes(text)).hexdigest() for path, text in after.items() if is_python(path)}
    base = FactBase(None, VERSION)
    learn(base, files, lambda wanted: {blob: blobs[blob] for blob in wanted})
    try:
        return PythonProject(
            files=files,
            base=base,
            changed={
                path: sides(_content(before.get(path)), _content(after.get(path))) for path in change if is_python(path)
            },
            data=[path for path in change if not is_python(path) and path not in documents],
            documents=documents,
            packages=packages,
        ).select()
    finally:
        base.close()


def selected(before: Tree, change: Mapping[str, str | bytes | None]) -> set[str]:
    """The tests that are run: all of them where the selection is not sure of itself."""
    found = selection(before, change)
    if not found.unsure:
        return set(found.tests)
    return {path for path in before if path.rpartition("/")[2].startswith("test_")}


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _content(text: str | bytes | None) -> bytes | None:
    return None if text is None else _bytes(text)
