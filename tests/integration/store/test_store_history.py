"""Moving finished runs out of a real Redis: what is gone, what stays, and what a kill in the middle leaves."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.archive import LocalArchive
from cluster.embedded.redis_server import RedisServer
from cluster.store import keys
from cluster.store.store import RedisStore, Store
from models.errors import InfrastructureError, InternalError, NotFound
from models.ids import AttemptId
from models.lifecycle.decision import Decision
from models.lifecycle.rerun import ALL, rerun
from tests.contract.store.test_history_contract import RUN, carried, finished, lines, passed, soon, told
from tests.integration.store.embedded_redis import empty_store
from tests.unit.core.samples import NOW

ATTEMPT = AttemptId(f"{RUN}.test.1")


class Killed(BaseException):
    """The process ends here."""


class DyingArchive(LocalArchive):
    """Dies when the file whose name ends so is on disk."""

    dies_after = ""

    @contextmanager
    def writing(self, name: str) -> Iterator[gzip.GzipFile]:
        with super().writing(name) as file:
            yield file
        if self.dies_after and name.endswith(self.dies_after):
            raise Killed


@pytest.fixture
def archive(tmp_path: Path) -> DyingArchive:
    return DyingArchive(tmp_path / "archive")


@pytest.fixture
async def kept(redis_server: RedisServer, archive: DyingArchive) -> AsyncIterator[RedisStore]:
    """An empty store that has an archive."""
    async with empty_store(redis_server):
        store = Store.connect(redis_server.url, archive)
        yield store
        await store.close()


async def test_nothing_of_a_moved_run_stays_but_that_it_exists(kept: RedisStore) -> None:
    await finished(kept)
    await kept.runs.move_finished(soon())
    left = {key.decode() async for key in kept.redis.scan_iter()}
    assert left == {keys.record(RUN), keys.RUNS}
    assert await kept.redis.hgetall(keys.record(RUN)) == {b"version": b"4", b"moved": b"1"}
    # What docs/operations.md says a run costs for ever; the index has some 130 bytes beside it.
    assert 0 < (await kept.redis.memory_usage(keys.record(RUN)) or 0) <= 150


@pytest.mark.parametrize("after", ["test.1.jsonl", "run.json"])
async def test_a_kill_between_writing_and_removing_loses_nothing_and_the_next_one_ends_it(
    kept: RedisStore, archive: DyingArchive, after: str
) -> None:
    await finished(kept)
    before = await told(kept, RUN)
    archive.dies_after = after
    with pytest.raises(Killed):
        await kept.runs.move_finished(soon())
    assert await told(kept, RUN) == before
    assert await kept.redis.xlen(keys.log(ATTEMPT)) == len(lines(ATTEMPT))
    archive.dies_after = ""
    assert await kept.runs.move_finished(soon()) == 1
    assert await told(kept, RUN) == before
    assert not await kept.redis.exists(keys.log(ATTEMPT), keys.events(RUN), keys.forge(RUN))


async def test_a_kill_after_removing_leaves_it_on_the_list_and_the_next_one_takes_it_off(kept: RedisStore) -> None:
    await finished(kept)
    await kept.runs.move_finished(soon())
    before = await told(kept, RUN)
    await kept.redis.zadd(keys.FINISHED, {RUN: NOW - 1e9})
    assert await kept.runs.move_finished(soon()) == 1
    assert await kept.redis.zcard(keys.FINISHED) == 0
    assert await told(kept, RUN) == before


async def test_a_run_that_changes_while_it_is_written_is_not_removed(
    kept: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await finished(kept)
    script = kept.history._move

    async def run_again_first(keys: list[str], args: list[str]) -> object:
        monkeypatch.undo()
        await kept.runs.apply(RUN, lambda run: rerun(run, ALL, "ada", NOW + 10))
        return await script(keys=keys, args=args)

    monkeypatch.setattr(kept.history, "_move", run_again_first)
    assert await kept.runs.move_finished(soon()) == 0
    again = await kept.runs.load(RUN)
    assert again.version == run.version + 1
    assert await kept.redis.hexists(keys.record(RUN), "json")
    await passed(kept, again)
    assert await kept.runs.move_finished(soon()) == 1


async def test_what_the_reporter_learns_while_it_is_written_is_not_lost(
    kept: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await finished(kept)
    script = kept.history._move

    async def remember_first(keys: list[str], args: list[str]) -> object:
        monkeypatch.undo()
        await kept.reports.remember(RUN, {"comment": "8"})
        return await script(keys=keys, args=args)

    monkeypatch.setattr(kept.history, "_move", remember_first)
    assert await kept.runs.move_finished(soon()) == 0
    assert (await kept.reports.ids(RUN))["comment"] == "8"
    assert await kept.runs.move_finished(soon()) == 1
    assert (await kept.reports.ids(RUN))["comment"] == "8"


async def test_a_stale_runner_cannot_hide_a_log_that_was_moved(kept: RedisStore, redis_server: RedisServer) -> None:
    await finished(kept)
    await kept.runs.move_finished(soon())
    node = Store.connect(redis_server.runner_url)
    await node.logs.append(ATTEMPT, lines(ATTEMPT, 1))
    await node.close()
    assert await kept.logs.whole(ATTEMPT) == lines(ATTEMPT)
    # Nor replace it when its run comes back and is moved again.
    await kept.runs.apply(RUN, lambda run: Decision(run=run.having(detail="back")))
    await carried(kept, await kept.runs.load(RUN))
    assert await kept.logs.whole(ATTEMPT) == lines(ATTEMPT)
    assert await kept.runs.move_finished(soon()) == 1
    assert await kept.logs.whole(ATTEMPT) == lines(ATTEMPT)


async def test_a_run_without_log_or_memory_of_the_forge_moves_too(kept: RedisStore) -> None:
    run = await finished(kept)
    await kept.redis.delete(keys.log(ATTEMPT), keys.forge(RUN))
    assert await kept.runs.move_finished(soon()) == 1
    assert await kept.runs.load(RUN) == run
    assert await kept.logs.whole(ATTEMPT) == []
    assert await kept.reports.ids(RUN) == {}


async def test_a_run_nobody_can_read_stays_and_holds_up_no_other(kept: RedisStore) -> None:
    broken = await finished(kept, "broken")
    await kept.redis.hset(keys.record(broken.id), "json", "{}")
    await finished(kept)
    assert await kept.runs.move_finished(soon()) == 1
    assert await kept.redis.hget(keys.record(broken.id), "json") == b"{}"


async def test_without_an_archive_nothing_moves_and_what_was_moved_is_said_to_be(
    kept: RedisStore, redis_server: RedisServer
) -> None:
    await finished(kept)
    bare = Store.connect(redis_server.url)
    assert await bare.runs.move_finished(soon()) == 0
    await kept.runs.move_finished(soon())
    with pytest.raises(InternalError, match="given none"):
        await bare.runs.load(RUN)
    await bare.close()


async def test_an_archived_file_that_is_gone_is_said_to_be(kept: RedisStore, tmp_path: Path) -> None:
    await finished(kept)
    await kept.runs.move_finished(soon())
    [file] = (tmp_path / "archive").rglob("run.json.gz")
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(InfrastructureError, match=RUN):
        await kept.runs.load(RUN)
    other = await finished(kept, "another one")
    assert await kept.runs.recent(10) == [other]
    file.write_bytes(content[:20])
    with pytest.raises(InfrastructureError, match="cannot read"):
        await kept.runs.load(RUN)


async def test_an_operator_can_read_it_with_zcat(kept: RedisStore, tmp_path: Path) -> None:
    await finished(kept)
    await kept.runs.move_finished(soon())
    folder = tmp_path / "archive" / RUN[1:3] / RUN
    assert json.loads(gzip.decompress((folder / "run.json.gz").read_bytes()))["record"]["id"] == RUN
    log = gzip.decompress((folder / f"{ATTEMPT}.jsonl.gz").read_bytes()).splitlines()
    assert "0 of" in json.loads(log[0])[1]
    assert sorted(file.name for file in folder.iterdir()) == [f"{ATTEMPT}.jsonl.gz", "run.json.gz"]


@pytest.mark.parametrize("name", ["../secret", "a/../../b", "/etc/passwd", "", ".hidden", "a//b"])
def test_a_name_leads_nowhere_else(archive: DyingArchive, name: str) -> None:
    with pytest.raises(NotFound):
        archive.read(name)
    with pytest.raises(NotFound), archive.writing(name):
        pass


def write_and_die(archive: LocalArchive) -> None:
    with archive.writing("a/b") as file:
        file.write(b"new\n")
        raise Killed


def test_an_error_while_writing_leaves_what_was_there(archive: DyingArchive, tmp_path: Path) -> None:
    with archive.writing("a/b") as file:
        file.write(b"old\n")
    with pytest.raises(Killed):
        write_and_die(archive)
    assert archive.read("a/b") == b"old\n"
    assert [path.name for path in (tmp_path / "archive" / "a").iterdir()] == ["b.gz"]
