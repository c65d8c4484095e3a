"""A failing log beside those of the job's last passing attempts: what they have in common explains nothing."""

from __future__ import annotations

from models.change import Trust
from models.run import Run
from tests.integration.analyzer.installation import Installation, asked, pushed

USUAL = [f"ERROR: retry {n} of brewing tea failed, as it always does at first" for n in range(6)]
BROKEN = ["Traceback (most recent call last):", '  File "kettle.py", line 3', "KettleError: there is no water in it"]
PASSING = "\n".join([*USUAL, "all is well"])
FAILING = "\n".join([*USUAL[:3], *BROKEN, *USUAL[3:]])


def explaining(run: Run) -> set[int]:
    """The lines that are said to explain the failure, from 1."""
    explanation = run.job(run.jobs[0].id).explanation
    assert explanation is not None
    return {line for span in explanation.finding.evidence for line in range(span.first, span.last + 1)}


async def test_lines_that_a_passing_log_has_do_not_explain_a_failure(installation: Installation) -> None:
    await installation.run(pushed(1), "", at=1.0, log=PASSING)
    run = await installation.run(asked(2), "test_pay", at=2.0, log=FAILING)
    assert 6 in explaining(run)
    assert explaining(run) <= {4, 5, 6}


async def test_what_somebody_from_outside_let_pass_hides_nothing(installation: Installation) -> None:
    outside = pushed(1).having(trust=Trust.FORK)
    await installation.run(pushed(2), "", at=1.0, log=PASSING)
    await installation.run(outside, "", at=2.0, log="\n".join([PASSING, BROKEN[-1]]))
    assert 6 in explaining(await installation.run(asked(3), "test_pay", at=3.0, log=FAILING))
