"""Is a test flaky, from its history: the odds of two explanations of the same passes and failures. Pure.

*Broken*: the test fails only while a commit has broken it, then at every attempt until the fix, or on a bad machine.
*Flaky*: besides that, any attempt fails by chance, at a rate that is not known. A hidden Markov model with the states
sound and broken gives the likelihood of the history for each rate, rate 0 being the first explanation; Bayes' rule
makes of them the score, which is the chance of a rate above 0, and the rate's interval.

The constants are beliefs about tests in general, not figures of some project. Each may be half or double what it is
here and most verdicts stay (docs/performance.md).

Calling a bug flaky hides it, so odds are not enough: there must be a failure that one broken commit cannot explain. The
test also passed at the commit where it failed, or it failed again after it had passed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.flaky import TestOutcome, TestRun

FLAKY_PRIOR: Final = 0.16  # Google: "almost 16 % of our tests have some level of flakiness" (Micco 2016)
BREAKS: Final = 1 / 2000  # a commit breaks a given test; a test is broken for real a few times in its life
FIXED: Final = 0.5  # the next commit that is tested has the fix: a red test is what people repair first
BAD_MACHINE: Final = 1 / 200  # an attempt has a machine without disk, memory or network
BAD_MACHINE_STRIKES: Final = 0.1  # a given test fails there
_MOST_FAILURES: Final = 10_000  # on a bad machine any number of failures up to this, small ones likelier

# The prior of the rate is even in its logarithm: 1 in 1000 is as likely as 1 in 10. Rarer ones look like none.
_RATES: Final = np.geomspace(1e-3, 0.99, 48)
_P: Final = np.concatenate([[0.0], _RATES])
_PRIOR: Final = np.concatenate([[1 - FLAKY_PRIOR], np.full(len(_RATES), FLAKY_PRIOR / len(_RATES))])
_LEAST_ODDS: Final = 0.5
_TAIL: Final = 0.025  # of a 95 % interval, on each side

_Vector = npt.NDArray[np.float64]


class Judgement(NamedTuple):
    """`score` is the chance that the test fails by itself, `interval` its rate then (95 %), `why` says it in words."""

    flaky: bool
    score: float
    interval: tuple[float, float]
    why: tuple[str, ...]


def judge(runs: Sequence[TestRun]) -> Judgement:
    """The verdict on a test with these attempts, oldest first. Without any it is not flaky."""
    tally = count(runs)
    if not tally.failures:
        return Judgement(False, 0.0, interval(0, tally.attempts), ("it has not failed",))
    suspects = bad_machines(runs)
    likelihood = _likelihood(runs, suspects)
    posterior = _PRIOR * np.exp(likelihood - likelihood.max())
    posterior /= posterior.sum()
    score = float(1 - posterior[0])
    shown = tally.flips > 0 or tally.episodes > 1
    flaky = shown and score > _LEAST_ODDS
    rate = _quantiles(posterior[1:]) if flaky else interval(tally.failures, tally.attempts)
    return Judgement(flaky, score, rate, _why(tally, suspects, runs, shown=shown, score=score))


class Tally(NamedTuple):
    """`flips`: commits at which it failed and passed. `episodes`: stretches of failures with passes between them."""

    attempts: int
    failures: int
    flips: int
    episodes: int


def count(runs: Sequence[TestRun]) -> Tally:
    """What a person would count in it."""
    outcomes: dict[str, set[TestOutcome]] = {}
    episodes, passing = 0, True
    for run in runs:
        outcomes.setdefault(run.commit, set()).add(run.outcome)
        passing = passing or run.passes_before > 0
        episodes += passing and run.outcome is TestOutcome.FAIL
        passing = run.outcome is TestOutcome.PASS
    return Tally(
        attempts=len(runs) + sum(run.passes_before for run in runs),
        failures=sum(run.outcome is TestOutcome.FAIL for run in runs),
        flips=sum(len(seen) == 2 for seen in outcomes.values()),
        episodes=episodes,
    )


def interval(failures: int, attempts: int) -> tuple[float, float]:
    """The failure rate's 95 % interval by counting alone (Wilson 1927); from 0 to 1 when there is nothing to count."""
    if attempts == 0:
        return 0.0, 1.0
    z = 1.959964
    share, scale = failures / attempts, 1 + z * z / attempts
    middle = (share + z * z / (2 * attempts)) / scale
    reach = z * math.sqrt(share * (1 - share) / attempts + z * z / (4 * attempts * attempts)) / scale
    return max(0.0, middle - reach), min(1.0, middle + reach)


def bad_machines(runs: Sequence[TestRun]) -> list[float]:
    """How likely each attempt had a bad machine, from how many *other* tests failed in it.

    Compared with how many usually do, as the rest of this history tells: a Poisson count with a gamma belief of its
    mean, kept wide, and with outliers cut, so that a second bad machine does not make the first one look usual.
    """
    others = [max(0, run.suite_failures - (run.outcome is TestOutcome.FAIL)) for run in runs]
    return [_bad_machine(failures, [*others[:at], *others[at + 1 :]]) for at, failures in enumerate(others)]


def _bad_machine(failures: int, usual: Sequence[int]) -> float:
    most = 4 * sorted(usual)[len(usual) // 2] + 3 if usual else 0
    shape, rate = 0.5 + sum(min(each, most) for each in usual), 0.5 + len(usual)
    narrow = min(1.0, 8 / rate)  # however long the history: as sure as after eight attempts
    shape, rate = max(0.05, shape * narrow), rate * narrow
    good = math.lgamma(failures + shape) - math.lgamma(shape) - math.lgamma(failures + 1)
    good += shape * math.log(rate / (rate + 1)) - failures * math.log(rate + 1)
    bad = -math.log((failures + 1) * math.log(_MOST_FAILURES))
    odds = math.log(BAD_MACHINE / (1 - BAD_MACHINE)) + bad - good
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, odds))))


def _likelihood(runs: Sequence[TestRun], suspects: Sequence[float]) -> _Vector:
    """The logarithm of the history's likelihood for each rate: the forward algorithm (Rabiner 1989, III A)."""
    broken = np.full(_P.shape, BREAKS / (BREAKS + FIXED))
    sound = 1 - broken
    total = np.zeros(_P.shape)
    commit: str | None = None
    for run, suspect in zip(runs, suspects, strict=True):
        if run.passes_before:
            if commit is not None:
                sound, broken = _next_commit(sound, broken)
            sound, broken = sound * (1 - _P) ** run.passes_before, broken * 0
        if run.commit != commit and (commit is not None or run.passes_before):
            sound, broken = _next_commit(sound, broken)
        commit = run.commit
        passes = (1 - _P) * (1 - suspect * BAD_MACHINE_STRIKES)
        if run.outcome is TestOutcome.PASS:
            sound, broken = sound * passes, broken * 0
        else:
            sound = sound * (1 - passes)
        scale = sound + broken + 1e-300
        total += np.log(scale)
        sound, broken = sound / scale, broken / scale
    return total


def _next_commit(sound: _Vector, broken: _Vector) -> tuple[_Vector, _Vector]:
    return sound * (1 - BREAKS) + broken * FIXED, sound * BREAKS + broken * (1 - FIXED)


def _quantiles(weights: _Vector) -> tuple[float, float]:
    below = np.cumsum(weights) / weights.sum()
    low, high = np.searchsorted(below, [_TAIL, 1 - _TAIL])
    return float(_RATES[low]), float(_RATES[min(int(high), len(_RATES) - 1)])


def _why(
    tally: Tally, suspects: Sequence[float], runs: Sequence[TestRun], *, shown: bool, score: float
) -> tuple[str, ...]:
    why = [f"failed in {tally.failures} of {_times(tally.attempts, 'run')}"]
    if tally.flips:
        why.append(f"failed and passed at the same commit {_times(tally.flips, 'time')}")
    if tally.episodes > 1:
        why.append(f"failed {_times(tally.episodes, 'separate time')} with passes between")
    struck = sum(suspect > 0.5 and run.outcome is TestOutcome.FAIL for run, suspect in zip(runs, suspects, strict=True))
    if struck:
        why.append(f"{struck} of the failures came with many others: perhaps the machine")
    if not shown:
        why.append("one stretch of failures: a commit that broke it looks the same")
    elif score <= _LEAST_ODDS:
        why.append("breakage or bad machines explain the failures as well")
    return tuple(why)


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
