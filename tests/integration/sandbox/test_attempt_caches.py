"""Caches into and out of a real sandbox."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from models.caches import MAIN, CacheHit
from models.job import CacheSpec
from models.result import Outcome, SavedCache
from models.settings import SandboxSettings

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory

KEY = "a" * 64
VENV = CacheSpec(key=KEY, paths=(".venv", "~/.cache/pip"), label=".venv by requirements.lock")
FILL = "mkdir -p .venv/bin ~/.cache/pip; echo tool > .venv/bin/tool; ln -s tool .venv/bin/link; echo w > ~/.cache/pip/w"


def hit(saved: SavedCache, scope: str = MAIN) -> CacheHit:
    return CacheHit(key=saved.key, scope=scope, blob=saved.blob, size_bytes=saved.size_bytes)


def saved_by(lab: Laboratory, *steps: str, cache: CacheSpec = VENV) -> SavedCache:
    result = lab.run(*steps, caches=(cache,))
    assert result.outcome is Outcome.PASSED, lab.told
    [saved] = result.saved
    return saved


def test_what_a_passed_job_leaves_is_there_for_the_next_one(lab: Laboratory) -> None:
    saved = saved_by(lab, FILL)
    assert (saved.key, hashlib.sha256(lab.caches.content[saved.blob]).hexdigest()) == (KEY, saved.blob)
    assert "cache miss: .venv by requirements.lock: nobody has saved it yet" in lab.told
    assert "cache saved: .venv by requirements.lock" in lab.told
    lab.restore = (hit(saved),)
    result = lab.run("cat .venv/bin/link ~/.cache/pip/w; stat -c %u .venv/bin/tool", caches=(VENV,))
    assert (result.outcome, lab.output) == (Outcome.PASSED, "tool\nw\n1000\n")
    assert result.saved == (), "it is there already"
    assert "cache hit: .venv by requirements.lock" in lab.told


def test_a_job_that_fails_saves_nothing(lab: Laboratory) -> None:
    result = lab.run(FILL, "exit 1", caches=(VENV,))
    assert (result.outcome, result.saved, lab.caches.content) == (Outcome.FAILED, (), {})


def test_the_source_wins_over_a_cache_in_its_place(lab: Laboratory) -> None:
    cache = CacheSpec(key=KEY, paths=("src",))
    lab.tree = {"src/a.py": b"old"}
    lab.restore = (hit(saved_by(lab, "echo made > src/b.py", cache=cache)),)
    lab.tree = {"src/a.py": b"new"}
    lab.run("cat src/a.py src/b.py", caches=(cache,))
    assert lab.output == "newmade\n"


def test_what_was_restored_is_not_saved_again_and_the_other_one_is(lab: Laboratory) -> None:
    other = CacheSpec(key="b" * 64, paths=("other",))
    lab.restore = (hit(saved_by(lab, FILL)),)
    result = lab.run("mkdir other", caches=(VENV, other))
    assert [saved.key for saved in result.saved] == [other.key]


def test_paths_that_are_not_there_are_no_error(lab: Laboratory) -> None:
    result = lab.run("true", caches=(VENV,))
    assert (result.outcome, result.saved) == (Outcome.PASSED, ())
    assert "cache not saved: .venv by requirements.lock: none of its paths is there" in lab.told
    assert saved_by(lab, "mkdir .venv").size_bytes > 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no blob"),
        (b"\0" * 10_240, "it is not what its name"),
        (b"no tar at all" * 1000, "it could not be unpacked"),
    ],
)
def test_a_blob_that_is_missing_or_broken_is_a_miss(lab: Laboratory, content: bytes | None, why: str) -> None:
    saved = saved_by(lab, FILL)
    good = lab.caches.content.pop(saved.blob)
    if content is not None:
        lab.caches.content[saved.blob] = content
    lab.restore = (hit(saved),)
    result = lab.run("test ! -e .venv", FILL, caches=(VENV,))
    assert result.outcome is Outcome.PASSED, lab.told
    assert why in lab.told
    assert [again.key for again in result.saved] == [KEY], "it is saved anew"
    assert good


def test_nothing_of_one_that_is_not_what_its_name_says_stays(lab: Laboratory) -> None:
    saved = saved_by(lab, FILL)
    lab.caches.content[saved.blob] = lab.caches.content[saved.blob].replace(b"tool\n", b"evil\n")
    lab.restore = (hit(saved),)
    result = lab.run("test ! -e .venv; test ! -e ~/.cache", caches=(VENV,))
    assert result.outcome is Outcome.PASSED
    assert "the sandbox is thrown away" in lab.told


def test_one_that_does_not_fit_is_a_miss(lab: Laboratory) -> None:
    saved = saved_by(lab, "mkdir .venv; head -c 60M /dev/urandom > .venv/large")
    lab.restore = (hit(saved),)
    result = lab.run("test ! -e .venv", caches=(VENV,), resources={"workspace_mb": 32})
    assert result.outcome is Outcome.PASSED, lab.told
    assert "raise the job's `workspace_mb`" in lab.told
    result = lab.run("test ! -e .venv", caches=(VENV,), resources={"memory_mb": 64})
    assert (result.outcome, "are too much for 64 MB of memory" in lab.told) == (Outcome.PASSED, True)


def test_what_is_saved_is_bounded_all_caches_of_a_job_together(lab: Laboratory) -> None:
    lab.settings = SandboxSettings(cache_limit_mb=2)
    first, second = (CacheSpec(key=letter * 64, paths=(letter,)) for letter in "ab")
    result = lab.run("for d in a b; do mkdir $d; head -c 1200K /dev/urandom > $d/x; done", caches=(first, second))
    assert (result.outcome, [saved.key for saved in result.saved]) == (Outcome.PASSED, [first.key])
    assert "cache not saved: b: it is larger than the 0.8 MB that are left" in lab.told


def test_a_job_without_caches_pays_nothing(lab: Laboratory) -> None:
    lab.run("true")
    assert "cache" not in lab.told
