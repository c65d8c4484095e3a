"""Who owns a run, given who lives; and who lives, given what was heard."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from actors.supervisor.ownership import Watch, heard, owner
from models.ids import RunId

TTL_S = 5.0

runs = st.builds(RunId, st.from_regex(r"r[0-9a-f]{16}", fullmatch=True))
names = st.integers(0, 63).map(lambda number: f"supervisor-{number}")
pools = st.sets(names, min_size=1, max_size=8)
# Time between two looks: mostly short, sometimes longer than a term.
steps = st.lists(st.one_of(st.floats(0, 2), st.floats(0, 20)), max_size=20)


@given(runs, pools)
def test_exactly_one_of_those_that_live_owns_a_run(run: RunId, live: set[str]) -> None:
    assert owner(run, live) in live
    assert owner(run, sorted(live)) == owner(run, sorted(live, reverse=True))


def test_when_nobody_lives_nobody_owns_it() -> None:
    assert owner(RunId("r1"), ()) is None


@given(runs, pools, names)
def test_a_death_moves_only_the_runs_of_the_dead(run: RunId, live: set[str], dead: str) -> None:
    before = owner(run, live | {dead})
    if before != dead:
        assert owner(run, live - {dead}) == before


@given(runs, pools, names)
def test_who_comes_back_gets_back_what_it_had_and_nothing_else_moves(run: RunId, live: set[str], back: str) -> None:
    assert owner(run, live | {back}) in {back, owner(run, live - {back})}


def test_every_one_gets_a_fair_share() -> None:
    live = [f"supervisor-{number}" for number in range(4)]
    shares = Counter(owner(RunId(f"r{number:016x}"), live) for number in range(8000))
    assert all(1800 < shares[name] < 2200 for name in live)


def watched(gaps: list[float]) -> tuple[Watch, float]:
    """A watch after looks with these gaps, and the time of the last."""
    now = 1000.0
    watch = Watch.begun(TTL_S, now)
    for gap in gaps:
        now += gap
        watch = watch.looked(now)
    return watch, now


@given(pools, steps, st.dictionaries(names, st.floats(0, 1e6)))
def test_who_was_heard_within_the_term_lives(pool: set[str], gaps: list[float], ages: dict[str, float]) -> None:
    watch, _ = watched(gaps)
    live = watch.live(pool, ages)
    assert live <= pool
    assert {name for name in pool if ages.get(name, TTL_S) < TTL_S} <= live
    assert heard(pool, ages, TTL_S) == {name for name in pool if ages.get(name, TTL_S) < TTL_S}


@given(pools, steps, st.floats(TTL_S + 0.001, 1e6))
def test_nobody_is_dead_before_it_was_watched_being_silent_for_a_term(
    pool: set[str], gaps: list[float], gap: float
) -> None:
    silent = dict.fromkeys(pool, 1e6)
    assert Watch.begun(TTL_S, 0.0).live(pool, silent) == pool
    watch, now = watched(gaps)
    after_a_gap = watch.looked(now + gap)  # as when the store was away: everybody was silent
    assert after_a_gap.live(pool, silent) == pool


@given(pools)
def test_who_stays_silent_is_dead_after_a_term(pool: set[str]) -> None:
    watch, _ = watched([1.0] * 6)
    assert watch.live(pool, dict.fromkeys(pool, 6.0)) == set()
    assert watch.live(pool, {}) == set()


@given(steps, st.floats(0, 20))
def test_a_belief_is_worth_something_for_a_term(gaps: list[float], later: float) -> None:
    watch, now = watched(gaps)
    assert watch.current(now + later) == (now + later - watch.last <= TTL_S)
