"""Whose cache is whose: a table of who reads and writes what, restated; what is believed; what goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.caches import (
    Bounds,
    CacheEntry,
    CacheHit,
    CachePlace,
    UsedCache,
    access,
    believable,
    entries,
    hits,
    of_fork,
    places,
    surplus,
)
from models.change import Change, ChangeKind, Forge, Trust
from models.commands import KeepCaches
from models.ids import BlobId, JobId
from models.job import CacheSpec
from models.result import Outcome, SavedCache
from tests.unit.core.samples import HEAD, NOW, PASSED, attempt_of, finished, running, spec

KEY, OTHER = "a" * 64, "b" * 64
BLOB, SECOND = BlobId("1" * 64), BlobId("2" * 64)


def made(
    kind: ChangeKind = ChangeKind.PUSH,
    trust: Trust = Trust.TRUSTED,
    head_ref: str = "main",
    number: int | None = None,
    **more: object,
) -> Change:
    fields = {"forge": Forge.GITHUB, "repository": "ada/kitchen", "default_branch": "main", **more}
    return Change.model_validate(
        {"kind": kind, "trust": trust, "head_ref": head_ref, "number": number, "clone_url": "x", "head": HEAD, **fields}
    )


PULL, PUSH, FORK = ChangeKind.PULL_REQUEST, ChangeKind.PUSH, Trust.FORK


@pytest.mark.parametrize(
    ("change", "writes", "reads"),
    [
        (made(), "main", ("main",)),
        (made(head_ref="topic"), "branch:topic", ("branch:topic", "main")),
        (made(PULL, head_ref="topic", number=7), "branch:topic", ("branch:topic", "main")),
        (made(PULL, head_ref="main", number=7), "branch:main", ("branch:main", "main")),
        (made(PULL, FORK, head_ref="main", number=7), "fork:#7", ("fork:#7", "main")),
        (made(PULL, FORK, head_ref="topic", number=8), "fork:#8", ("fork:#8", "main")),
        (made(head_ref="main", default_branch=""), "branch:main", ("branch:main", "main")),
        (made(ChangeKind.MANUAL, head_ref="HEAD", forge=Forge.LOCAL), "main", ("main",)),
    ],
)
def test_who_writes_and_reads_what(change: Change, writes: str, reads: tuple[str, ...]) -> None:
    allowed = access(change)
    assert (allowed.writes, allowed.reads) == (writes, reads)


def test_repositories_and_forges_are_apart() -> None:
    here = access(made()).repository
    assert here != access(made(repository="eve/kitchen")).repository
    assert here != access(made(ChangeKind.MANUAL, forge=Forge.LOCAL)).repository


def test_a_fork_that_names_no_pull_request_shares_with_nobody() -> None:
    one, two = (access(made(PULL, FORK, nonce=nonce)) for nonce in "12")
    assert one.writes != two.writes
    assert one.reads == (one.writes, "main")


CHANGES = st.builds(
    made,
    kind=st.sampled_from([PULL, PUSH]),
    trust=st.sampled_from(Trust),
    head_ref=st.sampled_from(["main", "topic", "fork:#7", "#7", "branch:x", ""]),
    number=st.sampled_from([None, 7, 8]),
    default_branch=st.sampled_from(["main", ""]),
)


@given(fork=CHANGES.filter(lambda change: change.trust is FORK), other=CHANGES)
def test_what_a_fork_writes_nobody_else_reads(fork: Change, other: Change) -> None:
    written = access(fork).writes
    same_pull_request = (
        other.trust is FORK and (other.number, fork.number) != (None, None) and (other.number == fork.number)
    )
    assert same_pull_request or other.run_id() == fork.run_id() or written not in access(other).reads
    assert of_fork(CachePlace(repository="r", scope=written, key=KEY))
    assert written != "main"


@given(change=CHANGES)
def test_only_the_default_branch_of_the_repository_itself_writes_main(change: Change) -> None:
    default = change.kind is PUSH and change.head_ref == "main" and change.default_branch == "main"
    assert (access(change).writes == "main") == (default and change.trust is Trust.TRUSTED)


def entry(scope: str, key: str = KEY, blob: BlobId = BLOB, size: int = 10) -> CacheEntry:
    place = CachePlace(repository="github:ada/kitchen", scope=scope, key=key)
    return CacheEntry(place=place, blob=blob, size_bytes=size, run=made().run_id(), saved_at=NOW)


def test_the_own_scope_comes_first_and_what_lies_elsewhere_does_not_count() -> None:
    specs = (CacheSpec(key=KEY, paths=("x",)), CacheSpec(key=OTHER, paths=("y",)))
    allowed = access(made(PULL, FORK, number=7))
    assert [(place.scope, place.key) for place in places(specs, allowed)] == [
        ("fork:#7", KEY),
        ("main", KEY),
        ("fork:#7", OTHER),
        ("main", OTHER),
    ]
    there = [entry("main"), entry("fork:#7", blob=SECOND), entry("main", OTHER), entry("fork:#8", OTHER, SECOND)]
    assert hits(specs, allowed, {each.place: each for each in there}) == (
        CacheHit(key=KEY, scope="fork:#7", blob=SECOND, size_bytes=10),
        CacheHit(key=OTHER, scope="main", blob=BLOB, size_bytes=10),
    )
    assert hits(specs, allowed, {}) == ()


SAVED = SavedCache(key=KEY, blob=BLOB, size_bytes=10)


def test_only_the_jobs_own_keys_and_well_formed_blobs_of_a_job_that_passed_are_believed() -> None:
    job = spec("test").having(caches=(CacheSpec(key=KEY, paths=("x",)),))
    assert believable(job, PASSED.having(saved=(SAVED,))) == (SAVED,)
    for lie in (
        SAVED.having(key=OTHER),
        SAVED.having(blob=BlobId("../" * 21 + "a")),
        SAVED.having(blob=BlobId("1" * 63)),
        SAVED.having(blob=BlobId("1" * 64 + "\n")),
        SAVED.having(size_bytes=0),
    ):
        assert believable(job, PASSED.having(saved=(lie,))) == (), lie
    assert believable(job, PASSED.having(saved=(SAVED, SAVED.having(blob=SECOND)))) == (SAVED,)
    assert believable(job, PASSED.having(outcome=Outcome.FAILED, saved=(SAVED,))) == ()


def test_a_result_with_caches_brings_a_command_and_one_with_lies_does_not() -> None:
    job = spec("test").having(caches=(CacheSpec(key=KEY, paths=("x",)),))
    kept = finished(running(job), PASSED.having(saved=(SAVED, SAVED.having(key=OTHER))))
    attempt = attempt_of(kept.run, "test")
    assert KeepCaches(job=JobId("test"), attempt=attempt) in kept.commands
    result = kept.run.job(JobId("test")).attempt.result
    assert result is not None
    assert result.saved == (SAVED,)
    lied = finished(running(job), PASSED.having(saved=(SAVED.having(key=OTHER),)))
    assert not any(isinstance(command, KeepCaches) for command in lied.commands)


def test_what_is_saved_lies_in_the_scope_that_the_run_may_write() -> None:
    [kept] = entries(made(PULL, FORK, number=7), made().run_id(), (SAVED,), NOW)
    assert kept.place == CachePlace(repository="github:ada/kitchen", scope="fork:#7", key=KEY)


def used(scope: str, age_s: float, blob: str, size: int = 10) -> UsedCache:
    return UsedCache(entry=entry(scope, key=blob * 64, blob=BlobId(blob * 64), size=size), used_at=NOW - age_s)


def test_the_least_recently_used_goes_first_and_all_of_forks_before() -> None:
    kept = [used("main", 50, "1"), used("branch:x", 40, "2"), used("main", 30, "3"), used("fork:#1", 0, "4")]

    def gone(total: int, unused_s: float = 1000) -> str:
        found = surplus(kept, Bounds(total_bytes=total, unused_s=unused_s), NOW)
        return "".join(sorted(each.blob[0] for each in found))

    assert [gone(total) for total in (40, 39, 29, 19, 9)] == ["", "4", "14", "124", "1234"]
    assert gone(40, unused_s=45) == "1"


def test_a_blob_that_two_entries_share_counts_once() -> None:
    shared = [UsedCache(entry=entry(scope), used_at=NOW) for scope in ("main", "branch:x")]
    assert surplus(shared, Bounds(total_bytes=10, unused_s=10), NOW) == ()
