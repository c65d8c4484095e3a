"""What was found out about contents, by blob id: facts and the keys to find them by, in one SQLite file.

It is a cache: whatever is in it can be made again from the blobs. So a file that is broken, or that another version
wrote, is made anew, and one that cannot be written to is done without.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from models.errors import InfrastructureError

log = logging.getLogger(__name__)

_BUSY_TIMEOUT_S: Final = 5.0
_AT_ONCE: Final = 500  # SQLite takes so many arguments in one question, whatever it was built with
# With so many more facts than the tree has files, those of older trees are thrown away.
_SPARE: Final = 20_000
_GENERATIONS: Final = 1 << 30
# What SQLite says of a file that is no database, is a broken one, or has other tables.
_UNUSABLE: Final = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR"})
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fact (id INTEGER PRIMARY KEY, blob TEXT NOT NULL UNIQUE, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS key (key TEXT NOT NULL, fact INTEGER NOT NULL, PRIMARY KEY (key, fact)) WITHOUT ROWID;
"""


def facts_of(state_dir: Path) -> Path:
    """The folder with what was found out about repositories' files."""
    return state_dir / "facts"


class Fact(NamedTuple):
    """What is known of one blob."""

    blob: str
    keys: Sequence[str]
    data: bytes


class FactBase:
    """One file of facts, of one repository. `version` names the form of the facts. Used by one thread at a time."""

    def __init__(self, path: Path | None, version: int) -> None:
        self._version = version
        self._connection = _opened(path, version)
        self._load()

    def missing(self, blobs: Iterable[str]) -> list[str]:
        """Those of which nothing is known, each once."""
        if self._generation != self._written_generation():
            self._load()
        return [blob for blob in dict.fromkeys(blobs) if blob not in self._ids]

    def add(self, facts: Iterable[Fact]) -> None:
        """Remembers them."""
        with self._connection:
            for fact in facts:
                cursor = self._connection.execute(
                    "INSERT OR IGNORE INTO fact (blob, data) VALUES (?, ?)", (fact.blob, fact.data)
                )
                if not cursor.rowcount:  # another process was faster
                    (number,) = self._connection.execute("SELECT id FROM fact WHERE blob = ?", (fact.blob,)).fetchone()
                else:
                    number = cursor.lastrowid
                    self._connection.executemany(
                        "INSERT OR IGNORE INTO key VALUES (?, ?)", ((key, number) for key in fact.keys)
                    )
                self._ids[fact.blob] = number
                self._blobs[number] = fact.blob

    def data(self, blob: str) -> bytes | None:
        """What is known of a blob. Raises `InfrastructureError` when another process threw it away meanwhile."""
        self._check()
        row = self._connection.execute("SELECT data FROM fact WHERE id = ?", (self._ids.get(blob),)).fetchone()
        return bytes(row[0]) if row else None

    def having(self, keys: Iterable[str]) -> set[str]:
        """The blobs with one of these keys. Raises as `data` does: fewer would look like nobody uses them."""
        self._check()
        found: set[str] = set()
        for part in _parts([*keys]):
            marks = ",".join("?" * len(part))
            rows = self._connection.execute(f"SELECT fact FROM key WHERE key IN ({marks})", part)  # noqa: S608 - marks only
            found.update(self._blobs[number] for (number,) in rows if number in self._blobs)
        return found

    def keep(self, blobs: Iterable[str]) -> None:
        """Forgets all others, if they have become many."""
        kept = {self._ids[blob] for blob in blobs if blob in self._ids}
        if len(self._ids) - len(kept) < _SPARE:
            return
        gone = [number for number in self._blobs if number not in kept]
        with self._connection:
            self._connection.executemany("DELETE FROM key WHERE fact = ?", ((number,) for number in gone))
            self._connection.executemany("DELETE FROM fact WHERE id = ?", ((number,) for number in gone))
            self._generation = (self._written_generation() + 1) % _GENERATIONS
            self._connection.execute(f"PRAGMA application_id = {self._generation:d}")
        for number in gone:
            del self._ids[self._blobs.pop(number)]

    def _load(self) -> None:
        self._generation = self._written_generation()
        self._ids: dict[str, int] = dict(self._connection.execute("SELECT blob, id FROM fact"))
        self._blobs: dict[int, str] = {number: blob for blob, number in self._ids.items()}

    def _written_generation(self) -> int:
        """How often facts were thrown away; numbers of thrown away facts are used again."""
        return int(self._connection.execute("PRAGMA application_id").fetchone()[0])

    def _check(self) -> None:
        if self._generation != self._written_generation():
            raise InfrastructureError("another process threw facts away while they were used", remedy="plan again")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def _opened(path: Path | None, version: int) -> sqlite3.Connection:
    if path is not None:
        for _ in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                return _prepared(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False), version)
            except (sqlite3.DatabaseError, _Outdated) as error:
                # One that is locked is another process's, and is left alone.
                name = getattr(error, "sqlite_errorname", "SQLITE_NOTADB")
                if name not in _UNUSABLE or not path.is_file():
                    log.warning("facts are not kept: %s", error)
                    break
                log.info("the facts in %s are made anew: %s", path, error)
                for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                    part.unlink(missing_ok=True)
            except OSError as error:
                log.warning("facts are not kept: %s", error)
                break
    return _prepared(sqlite3.connect(":memory:", check_same_thread=False), version)


class _Outdated(Exception):
    """Another version wrote it."""


def _prepared(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    (written,) = connection.execute("PRAGMA user_version").fetchone()
    if written not in {0, version}:
        connection.close()
        raise _Outdated(f"version {written}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # what a crash of the machine breaks is made anew
    connection.executescript(_SCHEMA)
    connection.execute("SELECT fact.blob, fact.data, key.key FROM fact JOIN key ON key.fact = fact.id LIMIT 1")
    connection.execute(f"PRAGMA user_version = {version:d}")
    return connection


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
