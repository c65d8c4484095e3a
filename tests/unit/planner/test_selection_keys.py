"""By which keys a file is found by whoever asks who uses a module."""

from __future__ import annotations

import pytest

from actors.planner.python.keys import keys
from actors.planner.python.scan import scan


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("import a\ndef f():\n    return a.b.c()\n", "a.b"),
        ("import a.x\ndef f():\n    return a.b.c()\n", "a.b.c"),
        ("import a.b as z\nz.c.d()\n", "a.b.c"),
        ("from a import b\nb.c.d()\n", "a.b.c"),
        ("from .. import b\nb.c.d()\n", "'c"),
        ("x = 'a.b.c/d'\n", "'a.b"),
        ("import importlib\nimportlib.import_module('a.' + name)\n", "?*"),
    ],
)
def test_who_speaks_of_a_module_through_another_is_found(source: str, key: str) -> None:
    assert key in keys(scan(source.encode()))


def test_who_imports_something_else_of_a_package_is_not() -> None:
    assert not {"a.b", "'b"} & keys(scan(b"import a.x\nfrom .p import q\na.x.b()\nq()\n"))
