"""The facts' file: a cache that may be broken, old, shared or not writable, and never makes a plan fail."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import factbase
from cluster.factbase import Fact, FactBase
from models.errors import InfrastructureError

ONE, TWO = Fact("b1", ["a", "a.b"], b"one"), Fact("b2", ["a"], b"two")


def test_what_is_added_is_found_again_by_the_next(tmp_path: Path) -> None:
    first = FactBase(tmp_path / "new" / "facts", 1)
    assert first.missing(["b1", "b2", "b1"]) == ["b1", "b2"]
    first.add([ONE, TWO])
    first.close()
    base = FactBase(tmp_path / "new" / "facts", 1)
    assert (base.missing(["b1", "b3"]), base.data("b1"), base.data("b3")) == (["b3"], b"one", None)
    assert (base.having(["a"]), base.having(["a.b", "none"]), base.having([])) == ({"b1", "b2"}, {"b1"}, set())
    assert base.having(map(str, range(2_000))) == set()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough for one" * 100, b"SQLite format 3\0" * 50, b""]
)
def test_a_broken_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "facts").write_bytes(content)
    for _ in range(2):
        base = FactBase(tmp_path / "facts", 1)
        base.add([ONE])
        assert base.data("b1") == b"one"
        base.close()


def test_what_another_version_wrote_is_forgotten(tmp_path: Path) -> None:
    old = FactBase(tmp_path / "facts", 1)
    old.add([ONE])
    old.close()
    assert FactBase(tmp_path / "facts", 2).missing(["b1"]) == ["b1"]


def test_a_table_of_another_form_is_made_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "facts") as connection:
        connection.execute("CREATE TABLE fact (other TEXT)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    base = FactBase(tmp_path / "facts", 1)
    base.add([ONE])
    assert base.having(["a"]) == {"b1"}


def test_where_no_file_can_be_the_facts_are_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "facts", Path("/proc/nowhere/facts"), tmp_path / "folder"):
        base = FactBase(path, 1)
        base.add([ONE])
        assert base.data("b1") == b"one"


def test_two_at_once_see_their_own_and_lose_nothing(tmp_path: Path) -> None:
    one, other = FactBase(tmp_path / "facts", 1), FactBase(tmp_path / "facts", 1)
    one.add([ONE])
    other.add([ONE, TWO])
    assert other.having(["a"]) == {"b1", "b2"}
    one.add([TWO])
    assert one.having(["a"]) == {"b1", "b2"}


def test_processes_that_start_at_once_share_a_file(tmp_path: Path) -> None:
    text = (
        "import sys\nfrom pathlib import Path\nfrom cluster.factbase import Fact, FactBase\n"
        "for n in range(40):\n    b = FactBase(Path(sys.argv[1]), 1)\n    b.add([Fact(f'b{n}', ['k'], b'x')])\n"
        "    assert b.data(f'b{n}') == b'x'\n    b.close()\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", text, str(tmp_path / "facts")], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ended = [(process.communicate()[1].decode(), process.returncode) for process in running]
    assert ended == [("", 0)] * 3
    assert len(FactBase(tmp_path / "facts", 1).having(["k"])) == 40


def test_old_facts_are_forgotten_when_they_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = FactBase(tmp_path / "facts", 1)
    base.add(Fact(f"b{number}", ["k"], b"x") for number in range(10))
    base.keep(["b1"])
    assert len(base.having(["k"])) == 10
    monkeypatch.setattr(factbase, "_SPARE", 5)
    base.keep(["b1", "b2", "unknown"])
    assert base.having(["k"]) == {"b1", "b2"}
    assert base.missing(["b1", "b3"]) == ["b3"]


def test_what_another_process_forgot_is_not_taken_for_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = FactBase(tmp_path / "facts", 1), FactBase(tmp_path / "facts", 1)
    one.add([ONE, TWO])
    other.close()
    other = FactBase(tmp_path / "facts", 1)
    monkeypatch.setattr(factbase, "_SPARE", 0)
    one.keep(["b1"])
    with pytest.raises(InfrastructureError, match="plan again"):
        other.having(["a"])
    assert other.missing(["b1", "b2"]) == ["b2"]
    assert other.having(["a"]) == {"b1"}
