"""Attacks by way of caches, each by somebody who controls all of a job, or the runner that speaks for it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.orchestrator.caches import restorable
from actors.supervisor.caches import CacheKeeper
from cluster.blobs import LocalBlobs
from cluster.store.store import Store
from models.caches import MAIN, CacheHit
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import BlobId, JobId
from models.job import CacheSpec
from models.lifecycle.attempts import finish, lease
from models.lifecycle.create import create, planned
from models.result import Outcome, SavedCache
from models.run import Run
from models.settings import CacheSettings, SandboxSettings
from tests.integration.sandbox.conftest import Laboratory, image
from tests.tars import link_to
from tests.unit.core.samples import HEAD, NOW, PASSED, TOKEN, after, attempt_of, plan, spec

__all__ = ["image"]  # a fixture

KEY, OTHER = "a" * 64, "b" * 64
CACHE = CacheSpec(key=KEY, paths=(".venv",))
GENUINE, POISON = b"genuine", b"poison"


@pytest.fixture
def lab(docker_url: str, image: str) -> Iterator[Laboratory]:
    laboratory = Laboratory(docker_url, image)
    yield laboratory
    assert laboratory.left() == []
    healthy = Laboratory(docker_url, laboratory.image)
    assert healthy.run("echo well").outcome is Outcome.PASSED, "the node lives on"


class Installation:
    """The control plane's part of caches, on a store in memory: what the orchestrator and the supervisors do."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.in_memory()
        self.blobs = LocalBlobs(folder)
        self.keeper = CacheKeeper(self.store.caches, self.blobs, CacheSettings())

    def put(self, content: bytes) -> BlobId:
        """As a runner stores what it has saved."""
        return self.blobs.put(io.BytesIO(content), len(content))[0]

    async def pass_with(self, change: Change, *saved: SavedCache) -> Run:
        """A run of this change passes, and its runner says that it has saved these."""
        job = spec("test").having(caches=(CACHE,))
        run = after(planned(create(change, NOW).run, plan(job), NOW))
        name, attempt = JobId("test"), attempt_of(run, "test")
        run = after(lease(run, name, attempt, token=TOKEN, runner="r", session="s", now=NOW))  # type: ignore[arg-type]
        result = PASSED.having(saved=saved)
        run = after(finish(run, name, attempt, token=TOKEN, result=result, now=NOW + 1))
        await self.keeper.keep(run, name, attempt)
        return run

    async def read_by(self, change: Change, key: str = KEY) -> list[bytes]:
        """What a run of this change would restore."""
        wanted = (CACHE.having(key=key),)
        return [
            self.blobs.open(hit.blob).read() for hit in await restorable(self.store.caches, wanted, change, NOW + 2)
        ]


def changed(repository: str = "ada/kitchen", *, fork: int | None = None, branch: str = "main") -> Change:
    pull = fork is not None
    return Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST if pull else ChangeKind.PUSH,
        trust=Trust.FORK if pull else Trust.TRUSTED,
        repository=repository,
        clone_url="https://example.com/kitchen.git",
        head=HEAD,
        head_ref=branch,
        default_branch="main",
        number=fork,
    )


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "caches")


def claim(blob: BlobId, content: bytes, key: str = KEY) -> SavedCache:
    return SavedCache(key=key, blob=blob, size_bytes=len(content))


async def test_a_fork_reads_mains_cache_and_cannot_poison_it_nor_another_forks(here: Installation) -> None:
    await here.pass_with(changed(fork=7), claim(here.put(POISON), POISON))
    assert await here.read_by(changed()) == []
    assert await here.read_by(changed(branch="topic")) == []
    assert await here.read_by(changed(fork=8)) == []
    assert await here.read_by(changed(fork=7)) == [POISON], "its own"
    await here.pass_with(changed(), claim(here.put(GENUINE), GENUINE))
    await here.pass_with(changed(fork=7), claim(here.put(POISON), POISON))
    assert await here.read_by(changed()) == [GENUINE]
    assert await here.read_by(changed(fork=8)) == [GENUINE]


async def test_a_fork_whose_branch_is_called_as_the_default_one_is_still_a_fork(here: Installation) -> None:
    for name in ("main", "fork:#8", "branch:topic", "../main"):
        await here.pass_with(changed(fork=7, branch=name), claim(here.put(POISON), POISON))
    assert await here.read_by(changed()) == []
    assert await here.read_by(changed(fork=8)) == []
    assert await here.read_by(changed(branch="topic")) == []


async def test_a_branch_of_the_repository_does_not_write_for_the_default_one(here: Installation) -> None:
    await here.pass_with(changed(branch="topic"), claim(here.put(POISON), POISON))
    assert await here.read_by(changed()) == []
    assert await here.read_by(changed(fork=7)) == []


async def test_another_repositorys_cache_is_not_found(here: Installation) -> None:
    await here.pass_with(changed(), claim(here.put(GENUINE), GENUINE))
    assert await here.read_by(changed("eve/kitchen")) == []
    assert await here.read_by(changed("eve/kitchen", fork=7)) == []


async def test_a_result_cannot_claim_another_jobs_key(here: Installation) -> None:
    run = await here.pass_with(changed(), claim(here.put(POISON), POISON, OTHER))
    assert await here.read_by(changed(), OTHER) == []
    result = run.job(JobId("test")).attempt.result
    assert result is not None
    assert result.saved == ()


async def test_a_blob_that_is_not_a_cache_cannot_be_named(here: Installation, tmp_path: Path) -> None:
    artifacts = LocalBlobs(tmp_path / "blobs")
    foreign, _ = artifacts.put(io.BytesIO(b"another run's artifact"), 100)
    for blob in (foreign, BlobId("0" * 64), BlobId("../../redis/dump"), BlobId("/etc/passwd")):
        await here.pass_with(changed(), SavedCache(key=KEY, blob=blob, size_bytes=22))
        assert await here.read_by(changed()) == [], blob


def hostile_tar(sandbox_path: str) -> bytes:
    """What an attacker would have restored: names and links that lead elsewhere, devices, a large sparse file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("../../../../etc/cron.d/evil", "/etc/evil", "usr/bin/evil", f"{sandbox_path}/fine"):
            member = tarfile.TarInfo(name)
            member.size, member.mode = 5, 0o4777
            tar.addfile(member, io.BytesIO(b"evil\n"))
        for name, kind, target in (
            ("passwd", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "etc/shadow"),
            ("disk", tarfile.BLKTYPE, ""),
            ("tty", tarfile.CHRTYPE, ""),
        ):
            member = tarfile.TarInfo(f"{sandbox_path}/{name}")
            member.type, member.linkname, member.devmajor, member.devminor = kind, target, 8, 0
            tar.addfile(member)
        through = tarfile.TarInfo(f"{sandbox_path}/passwd")
        through.size = 5
        tar.addfile(through, io.BytesIO(b"evil\n"))
    return stream.getvalue()


def given(lab: Laboratory, content: bytes) -> CacheHit:
    blob = BlobId(hashlib.sha256(content).hexdigest())
    lab.caches.content[blob] = content
    return CacheHit(key=KEY, scope=MAIN, blob=blob, size_bytes=len(content))


def test_a_hostile_tar_does_not_leave_the_sandbox_nor_stay_in_it(lab: Laboratory) -> None:
    before = {name: Path(name).exists() for name in ("/etc/evil", "/etc/cron.d/evil", "/usr/bin/evil")}
    passwd = Path("/etc/passwd").read_bytes()
    lab.restore = (given(lab, hostile_tar("workspace/.venv")),)
    result = lab.run("test ! -e .venv; test ! -e /etc/evil; ! grep evil /etc/passwd; echo safe", caches=(CACHE,))
    assert (result.outcome, lab.output) == (Outcome.PASSED, "safe\n"), lab.told
    assert "cache miss" in lab.told
    assert {name: Path(name).exists() for name in before} == before == dict.fromkeys(before, False)
    assert Path("/etc/passwd").read_bytes() == passwd


def test_links_of_a_cache_lead_to_the_sandboxes_own_files(lab: Laboratory) -> None:
    lab.restore = (given(lab, link_to("/", "workspace/.venv")),)
    result = lab.run("cat .venv/etc/hostname; id -u", "! touch .venv/etc/evil", caches=(CACHE,))
    assert (result.outcome, lab.output.splitlines()[:2]) == (Outcome.PASSED, ["sandbox", "1000"]), lab.told


def test_a_cache_in_the_sources_place_does_not_redirect_it(lab: Laboratory) -> None:
    lab.tree = {"check.sh": b"echo of the commit\n"}
    lab.restore = (given(lab, link_to("/bin/true", "workspace/check.sh")),)
    lab.run("sh check.sh", caches=(CACHE.having(paths=("check.sh",)),))
    assert lab.output == "of the commit\n"


@pytest.mark.parametrize(
    ("bomb", "why"),
    [
        ("truncate -s 1T .venv/sparse", "it is larger than the 16.0 MB"),
        ("head -c 30M /dev/zero > .venv/zero", "it is larger than the 16.0 MB"),
        ("cd .venv; seq 250000 | xargs touch", "it has more than 200,000 files"),
        ("ln -s / .venv/root; mkfifo .venv/pipe; mkdir -m 0 .venv/locked", "its files could not be read"),
    ],
)
def test_a_bomb_is_bounded_and_nothing_of_it_is_stored(lab: Laboratory, bomb: str, why: str) -> None:
    lab.settings = SandboxSettings(cache_limit_mb=16)
    result = lab.run(f"mkdir .venv; {bomb}", caches=(CACHE,), resources={"memory_mb": 1024}, timeout_s=120)
    assert (result.outcome, result.saved, lab.caches.content) == (Outcome.PASSED, (), {}), lab.told
    assert why in lab.told


def test_a_path_that_is_a_link_takes_the_link_and_not_what_it_leads_to(lab: Laboratory) -> None:
    [saved] = lab.run("ln -s /etc .venv", caches=(CACHE,)).saved
    with tarfile.open(fileobj=io.BytesIO(lab.caches.content[saved.blob])) as tar:
        assert [(member.name, member.issym()) for member in tar] == [("workspace/.venv", True)]


def test_a_process_that_was_left_behind_cannot_change_what_is_saved(lab: Laboratory) -> None:
    # it appends to what `tar` reads, which `tar` would call changed
    left = 'mkdir .venv; (line=$(seq 2000); while :; do echo "$line" >> .venv/x; done) > /dev/null 2>&1 &'
    result = lab.run(left, "until test -s .venv/x; do :; done", caches=(CACHE,))
    assert len(result.saved) == 1, lab.told


def test_variables_of_the_job_do_not_change_what_is_saved(lab: Laboratory) -> None:
    env = {"TAR_OPTIONS": "--absolute-names --dereference", "PATH": "/workspace:/usr/bin:/bin", "BASH_ENV": "/x"}
    fake = "mkdir .venv; for c in tar du; do printf '#!/bin/sh\\necho evil\\n' > $c; chmod +x $c; done"
    [saved] = lab.run(fake, caches=(CACHE,), env=env).saved
    with tarfile.open(fileobj=io.BytesIO(lab.caches.content[saved.blob])) as tar:
        assert tar.getnames() == ["workspace/.venv"]
