"""What should wait, given what was asked for and when."""

from __future__ import annotations

from sandbox.spec import SandboxSpec
from sandbox.stock import Bounds, Demand, missing, surplus

SMALL = SandboxSpec(image="i:1", installation="here", memory_mb=256)
LARGE = SandboxSpec(image="i:1", installation="here", memory_mb=4096)
OTHER = SandboxSpec(image="i:2", installation="here", memory_mb=256)
BOUNDS = Bounds(per_shape=3, total=4)


def demand(*asked: tuple[SandboxSpec, float]) -> Demand:
    noted = Demand()
    for spec, at in asked:
        noted.note(spec, at)
    return noted


def test_nothing_waits_before_anybody_asks() -> None:
    assert Demand().wanted(BOUNDS, 0.0) == {}


def test_as_many_wait_as_were_asked_for_within_a_minute_up_to_the_bound() -> None:
    assert demand((SMALL, 0.0)).wanted(BOUNDS, 1.0) == {SMALL: 1}
    assert demand((SMALL, 0.0), (SMALL, 1.0)).wanted(BOUNDS, 2.0) == {SMALL: 2}
    assert demand(*[(SMALL, 0.0)] * 9).wanted(BOUNDS, 2.0) == {SMALL: 3}


def test_demand_that_fades_leaves_one() -> None:
    assert demand(*[(SMALL, 0.0)] * 3).wanted(BOUNDS, 61.0) == {SMALL: 1}


def test_a_kind_that_nobody_asked_for_in_ten_minutes_is_forgotten_but_not_the_last_one() -> None:
    asked = demand((LARGE, 0.0), (SMALL, 10.0))
    assert asked.wanted(BOUNDS, 599.0) == {SMALL: 1, LARGE: 1}
    assert asked.wanted(BOUNDS, 601.0) == {SMALL: 1}
    assert asked.wanted(BOUNDS, 100_000.0) == {SMALL: 1}


def test_where_not_all_fit_the_kinds_asked_for_last_come_first() -> None:
    asked = demand(*[(LARGE, 0.0)] * 3, (OTHER, 1.0), *[(SMALL, 2.0)] * 3)
    assert asked.wanted(Bounds(per_shape=3, total=4), 3.0) == {SMALL: 3, OTHER: 1}


def test_what_cannot_be_made_is_forgotten() -> None:
    asked = demand((SMALL, 0.0))
    asked.forget(SMALL)
    assert asked.wanted(BOUNDS, 1.0) == {}


def test_memory_bounds_them_all() -> None:
    assert Bounds(2, 8).within(available_mb=64 * 8 * 3).total == 3
    assert Bounds(2, 8).within(available_mb=1_000_000).total == 8
    assert demand((SMALL, 0.0)).wanted(Bounds(2, 8).within(available_mb=100), 1.0) == {}


def test_a_bound_of_zero_is_no_pool() -> None:
    assert demand((SMALL, 0.0)).wanted(Bounds(per_shape=0, total=8), 1.0) == {}


def test_a_kind_without_any_is_made_before_a_second_of_another() -> None:
    wanted = {SMALL: 2, LARGE: 1}
    assert missing(wanted, {}) == SMALL
    assert missing(wanted, {SMALL: 1}) == LARGE
    assert missing(wanted, {SMALL: 1, LARGE: 1}) == SMALL
    assert missing(wanted, {SMALL: 2, LARGE: 1}) is None


def test_what_waits_for_nobody_is_surplus() -> None:
    assert surplus({SMALL: 1}, {SMALL: 3, LARGE: 1, OTHER: 0}) == {SMALL: 2, LARGE: 1}


def test_kinds_are_told_apart_by_everything_that_is_fixed_at_creation() -> None:
    """Equal specs make equal containers: each field changes the options, or is the installation."""
    changed = {
        "image": "x",
        "installation": "x",
        "runtime": "x",
        "cpus": 9.0,
        "memory_mb": 9,
        "workspace_mb": 9,
        "pids": 9,
        "door": True,
    }
    assert set(changed) == set(SandboxSpec.model_fields)
    assert all(SMALL.having(**{name: value}) != SMALL for name, value in changed.items())
