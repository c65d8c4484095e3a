"""From pushes to the default branch to verdicts on a pull request and its checks: on Redis, with real reports."""

from __future__ import annotations

from actors.flaky_tests import flaky_tests, set_aside, take_back
from actors.reporter.desired import desired
from models.change import Trust
from models.failure import Category, Explanation, TestBlame
from models.flaky import DAY_S
from models.run import Run
from tests.integration.analyzer.installation import JOB, Installation, asked, pushed
from tests.unit.reporter.sample_runs import NOW

PAY, SUM = "tests/test_a.py::test_pay", "tests/test_a.py::test_sum"


def explained(run: Run) -> Explanation:
    explanation = run.job(JOB).explanation
    assert explanation is not None
    return explanation


def conclusions(run: Run) -> list[str]:
    return [str(check.conclusion) for check in desired(run, "").checks]


async def test_a_flaky_test_is_told_from_a_broken_one(installation: Installation) -> None:
    for number in range(1, 25):
        attempts = ["test_pay", ""] if number % 8 == 0 else [""]
        await installation.run(pushed(number), *attempts, at=NOW + 100 * number)

    (known,) = await flaky_tests(installation.store, "octocat/hello-world")
    assert (known.test, known.failures, known.attempts) == (PAY, 3, 27)
    assert known.since == NOW + 800

    flake = explained(await installation.run(asked(100), "test_pay", at=NOW + 9_000))
    (verdict,) = flake.verdicts
    assert (verdict.test, verdict.blame) == (PAY, TestBlame.KNOWN_FLAKY)
    assert verdict.evidence.startswith("failed in 3 of 27 runs, 95 % interval ")
    assert flake.finding.category is Category.FLAKY

    broken = explained(await installation.run(asked(101), "test_sum", at=NOW + 9_100))
    assert [(each.test, each.blame) for each in broken.verdicts] == [(SUM, TestBlame.CAUSED_HERE)]
    assert broken.finding.category is Category.TEST

    await installation.run(pushed(30), "test_sum", at=NOW + 9_200)
    later = await installation.run(asked(102), "test_sum", at=NOW + 9_300)
    assert explained(later).verdicts[0].blame is TestBlame.FAILS_ON_BASE
    text = (desired(later, "").comment or "").replace("\u200b", "")  # it keeps forges from linking what we quote
    assert "**fails on base**: fails on the default branch at 000000000000" in text


async def test_what_a_fork_does_to_its_tests_is_nobodys_business(installation: Installation) -> None:
    for number in range(1, 10):
        fork = asked(number).having(trust=Trust.FORK, default_branch="main", head_ref="main")
        await installation.run(fork, "test_pay", "", at=NOW + 100 * number)
    assert await flaky_tests(installation.store) == []
    assert await installation.store.suites.known() == []


async def test_quarantine_excuses_what_it_names_until_it_ends(installation: Installation) -> None:
    store, of = installation.store, "octocat/hello-world"
    entry = await set_aside(store, of, PAY, job="", days=2, reason="issue 7", by="ada", now=NOW)
    during = await installation.run(asked(1), "test_pay", at=NOW + DAY_S)
    assert conclusions(during) == ["neutral", "neutral"]
    text = desired(during, "").comment or ""
    assert f"`{PAY}`" in text  # it ran, and is shown
    assert "in quarantine until 2023-11-16: issue 7" in text
    assert conclusions(await installation.run(asked(2), "test_sum", at=NOW + DAY_S)) == ["failure", "failure"]

    after = await installation.run(asked(3), "test_pay", at=entry.until + 1)
    assert conclusions(after) == ["failure", "failure"]
    assert "its quarantine ended on 2023-11-16, so it counts again" in (desired(after, "").comment or "")

    await take_back(store, of, PAY, "")
    assert conclusions(await installation.run(asked(4), "test_pay", at=NOW + DAY_S)) == ["failure", "failure"]
