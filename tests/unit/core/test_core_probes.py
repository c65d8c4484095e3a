"""What four probes say together, and how what they show joins an explanation."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.change import ChangeKind, Forge
from models.commands import Analyze, KeepCaches, NoteFix, Report, Retire, RunProbes
from models.failure import Category, Explanation, FailingTest, Finding
from models.ids import BlobId, CommitId, JobId, RunId
from models.job import CacheSpec
from models.lifecycle.create import create, planned
from models.lifecycle.explain import explained
from models.lifecycle.probes import alike, noted, outcome, probe_changes
from models.lifecycle.rerun import rerun
from models.probe import Corner, CornerProbe, FourWay, FourWayVerdict, Probed, verdict
from models.proposal import Proposal, ProposalKind
from models.result import AttemptResult, SavedCache
from models.run import Run
from models.snapshots import Snapshots, SnapshotTool
from tests.unit.core.samples import (
    BROKEN,
    FAILED,
    HEAD,
    NOW,
    PASSED,
    REFUSED,
    after,
    attempt_of,
    explanation,
    finished,
    plan,
    running,
    spec,
    sure,
)

TEST = JobId("test")
BASE = CommitId("ba5e" * 10)

# By (head same node, head other node), and across by (base same node, base other node) as in COLUMNS.
# P passed, F failed in the same way, - says nothing. c caused, e pre-existing, f flaky, i infrastructure, . unclear.
COLUMNS = ("PP", "PF", "P-", "FP", "FF", "F-", "-P", "-F", "--")
TABLE = {
    "PP": "fffffffff",
    "PF": "fffffffff",
    "P-": "fffffffff",
    "FP": "...i.i...",
    "FF": "c.c.eece.",
    "F-": "c.c.ee.e.",
    "-P": "...i.i...",
    "-F": "c...eece.",
    "--": "....ee.e.",
}
LETTERS = {
    "c": FourWayVerdict.CAUSED,
    "e": FourWayVerdict.PRE_EXISTING,
    "f": FourWayVerdict.FLAKY,
    "i": FourWayVerdict.INFRASTRUCTURE,
    ".": FourWayVerdict.UNCLEAR,
}
SAYS = {"P": (Probed.PASSED,), "F": (Probed.FAILED,), "-": (Probed.OTHERWISE, Probed.NOT_RUN)}


@pytest.mark.parametrize("heads", TABLE)
@pytest.mark.parametrize("bases", COLUMNS)
def test_the_verdict_of_every_combination(heads: str, bases: str) -> None:
    expected = LETTERS[TABLE[heads][COLUMNS.index(bases)]]
    for outcomes in product(*(SAYS[letter] for letter in heads + bases)):
        assert verdict(*outcomes) is expected, outcomes


def check(*awaited: Corner) -> FourWay:
    return FourWay(
        probes=tuple(
            CornerProbe(corner=corner, commit=HEAD if corner.of_head else BASE, node="n1")
            if corner in awaited
            else CornerProbe(corner=corner, outcome=Probed.NOT_RUN, why="no other node")
            for corner in Corner
        )
    )


@given(st.permutations([*Corner]), st.lists(st.sampled_from(Probed), min_size=4, max_size=4))
def test_in_whatever_order_they_come_the_verdict_comes_with_the_last_and_stays(
    order: list[Corner], outcomes: list[Probed]
) -> None:
    known = check(*Corner)
    for place, (corner, shown) in enumerate(zip(order, outcomes, strict=True)):
        assert known.verdict is None
        known = known.noted(corner, RunId(f"r{place}"), shown)
    by_corner = dict(zip(order, outcomes, strict=True))
    assert known.verdict is verdict(*(by_corner[corner] for corner in Corner))
    for corner in Corner:
        assert known.noted(corner, RunId("late"), Probed.PASSED) == known, "the first answer counts"


def failed(*jobs: str) -> Run:
    """A run on GitHub of which these jobs have failed."""
    run = running(*(spec(job) for job in jobs or ("test",)))
    run = run.having(change=run.change.having(forge=Forge.GITHUB, number=7))
    for job in jobs or ("test",):
        run = finished(run, FAILED, job).run
    return run


def asking(four_way: FourWay) -> Explanation:
    return explanation().having(four_way=four_way)


def checked(run: Run, four_way: FourWay, job: str = "test", most: int = 3) -> Run:
    return after(explained(run, JobId(job), attempt_of(run, job), asking(four_way), NOW, most))


def test_an_explanation_that_asks_for_probes_has_them_run_once_and_before_the_run_is_let_go() -> None:
    run = failed()
    decision = sure(explained(run, TEST, attempt_of(run, "test"), asking(check(*Corner)), NOW, 3))
    assert decision.commands[0] == RunProbes(job=TEST, attempt=attempt_of(run, "test"))
    assert isinstance(decision.commands[-1], Retire)
    changes = probe_changes(decision.run, TEST)
    assert [(each.head, each.probe.corner) for each in changes if each.probe] == [
        (HEAD, Corner.HEAD_SAME),
        (HEAD, Corner.HEAD_OTHER),
        (BASE, Corner.BASE_SAME),
        (BASE, Corner.BASE_OTHER),
    ]
    assert len({each.run_id() for each in changes} | {run.id}) == 5
    assert {(each.kind, each.number, each.priority, each.aside) for each in changes} == {
        (ChangeKind.PROBE, None, -1, True)
    }
    again = explained(decision.run, TEST, attempt_of(run, "test"), asking(check(*Corner)), NOW, 3)
    assert again is None


def probe_run(run: Run, corner: Corner, job: str = "test") -> Run:
    change = next(each for each in probe_changes(run, JobId(job)) if each.probe and each.probe.corner is corner)
    return after(planned(create(change, NOW).run, plan(spec(job)), NOW))


def shown(run: Run, corner: Corner, passed: bool) -> Run:
    probe = probe_run(run, corner)
    probe = finished(probe, PASSED if passed else FAILED).run
    if not passed:
        probe = after(explained(probe, TEST, attempt_of(probe, "test"), explanation(), NOW))
    return after(noted(run, probe, NOW))


def test_what_probes_show_joins_the_explanation_and_the_forge_is_told_with_the_last() -> None:
    run = checked(failed(), check(*Corner))
    for corner in (Corner.BASE_OTHER, Corner.BASE_SAME, Corner.HEAD_OTHER):
        run = shown(run, corner, passed=not corner.of_head)
    last = finished(probe_run(run, Corner.HEAD_SAME), FAILED).run
    assert noted(run, last, NOW) is None, "it is not known yet how it failed"
    unknown = sure(noted(run, last, NOW, unexplained=True)).run.job(TEST).explanation
    assert unknown is not None
    assert unknown.four_way is not None
    assert unknown.four_way.outcome(Corner.HEAD_SAME) is Probed.OTHERWISE
    last = after(explained(last, TEST, attempt_of(last, "test"), explanation(), NOW))
    decision = sure(noted(run, last, NOW))
    known = decision.run.job(TEST).explanation
    assert known is not None
    assert known.four_way is not None
    assert known.four_way.verdict is FourWayVerdict.CAUSED
    assert decision.commands == (Report(), Retire())
    assert noted(decision.run, last, NOW) is None, "once"
    # The analyzer may be asked again, after a restart: what is known stays.
    once_more = explained(decision.run, TEST, attempt_of(run, "test"), asking(check(*Corner)), NOW, 3)
    assert once_more is None


def test_of_too_many_failed_jobs_only_the_first_are_probed() -> None:
    run = failed("test", "lint", "docs")
    run = checked(run, check(*Corner), "test", most=2)
    run = checked(run, check(*Corner), "lint", most=2)
    decision = sure(explained(run, JobId("docs"), attempt_of(run, "docs"), asking(check(*Corner)), NOW, 2))
    docs = decision.run.job(JobId("docs")).explanation
    assert docs is not None
    assert docs.four_way is None
    assert not any(isinstance(command, RunProbes) for command in decision.commands)


def test_a_probe_of_an_attempt_that_was_asked_for_again_says_nothing_any_more() -> None:
    run = checked(failed(), check(*Corner))
    probe = finished(probe_run(run, Corner.HEAD_SAME), PASSED).run
    run = finished(after(rerun(run, "all", "ada", NOW)), FAILED).run
    run = checked(run, check(*Corner))
    assert noted(run, probe, NOW) is None


def test_a_probe_that_passes_is_no_fix_and_keeps_no_caches() -> None:
    run = checked(failed(), check(*Corner))
    cached = spec("test").having(caches=(CacheSpec(key="k", paths=("~/.cache",)),))
    saved = PASSED.having(saved=(SavedCache(key="k", blob=BlobId("a" * 64), size_bytes=1),))
    change = probe_changes(run, TEST)[0]
    decision = finished(after(planned(create(change, NOW).run, plan(cached), NOW)), saved)
    assert not any(isinstance(command, NoteFix | KeepCaches) for command in decision.commands)
    usual = finished(running(cached), saved).commands
    assert sum(isinstance(command, NoteFix | KeepCaches) for command in usual) == 2
    failing = finished(probe_run(run, Corner.HEAD_SAME), FAILED)
    assert any(isinstance(command, Analyze) for command in failing.commands)


def test_a_probe_that_came_to_no_verdict_counts_as_not_run() -> None:
    run = checked(failed(), check(*Corner))
    about = explanation().finding
    empty = after(planned(create(probe_changes(run, TEST)[0], NOW).run, plan(), NOW))
    assert outcome(empty, about) is Probed.NOT_RUN, "the policy does not allow the job any more"
    broken = probe_run(run, Corner.HEAD_SAME)
    assert outcome(broken, about) is None, "it has not ended"
    for _ in range(4):
        broken = finished(broken, BROKEN).run
    assert outcome(broken, about) is Probed.NOT_RUN


def found(signature: str, *tests: str) -> Finding:
    return Finding(
        category=Category.TEST,
        confidence=1.0,
        excerpt=(),
        excerpt_text="",
        summary="",
        signature=signature,
        failing_tests=tuple(FailingTest(name=name) for name in tests),
    )


@pytest.mark.parametrize(
    ("failure", "other", "same"),
    [
        (found("a", "t1"), found("b", "t1", "t2"), True),
        (found("a", "t1", "t2"), found("a", "t1"), False),
        (found("a", "t1"), found("a"), False),  # the test does not exist there
        (found("a"), found("a"), True),
        (found("a"), found("b"), False),
        (found("a"), found("a", "t1"), False),
    ],
)
def test_whether_two_failures_are_the_same(failure: Finding, other: Finding, same: bool) -> None:
    assert alike(failure, other) is same


def test_records_of_before_read_as_they_are() -> None:
    stored = failed()
    old = stored.model_dump(mode="json")
    del old["change"]["probe"]
    for job in old["jobs"]:
        del job["spec"]["node"]
        for attempt in job["attempts"]:
            del attempt["lease"]["node"]
    assert Run.model_validate(old) == stored
    assert Explanation.model_validate({"finding": found("a").model_dump(), "past": None}).four_way is None


PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,1 @@\n-x\n+y\n"


def proposing(run: Run, kind: ProposalKind = ProposalKind.FORMATTER) -> Run:
    proposal = Proposal(kind=kind, patch=PATCH, why="it was printed", first=1, last=5)
    told = explanation().having(proposal=proposal)
    decision = sure(explained(run, TEST, attempt_of(run, "test"), told, NOW, 3))
    assert isinstance(decision.commands[0], RunProbes)
    return decision.run


def proposal_of(run: Run) -> Proposal:
    known = run.job(TEST).explanation
    assert known is not None
    assert known.proposal is not None
    return known.proposal


@pytest.mark.parametrize("passed", [True, False])
def test_a_proposal_is_tried_with_its_patch_and_then_told(passed: bool) -> None:
    run = proposing(failed())
    (change,) = probe_changes(run, TEST)
    assert change.probe is not None
    assert (change.head, change.probe.patch, change.probe.node, change.probe.fresh) == (HEAD, PATCH, "", False)
    trial = finished(after(planned(create(change, NOW).run, plan(spec("test")), NOW)), PASSED if passed else FAILED).run
    if not passed:
        assert noted(run, trial, NOW) is None
        trial = after(explained(trial, TEST, attempt_of(trial, "test"), explanation(), NOW))
    decision = sure(noted(run, trial, NOW))
    assert decision.commands == (Report(), Retire())
    assert proposal_of(decision.run).outcome is (Probed.PASSED if passed else Probed.FAILED)
    assert proposal_of(decision.run).run == trial.id
    assert noted(decision.run, trial, NOW) is None, "once"
    again = finished(after(rerun(trial, "all", "ada", NOW)), PASSED).run
    assert noted(decision.run, again, NOW) is None, "what somebody asked of the trial later is not what it showed"
    assert probe_changes(decision.run, TEST) == ()


def test_a_trial_that_came_to_nothing_leaves_a_proposal_untried() -> None:
    run = proposing(failed(), ProposalKind.DEPENDENCY)
    (change,) = probe_changes(run, TEST)
    assert change.probe is not None
    assert change.probe.fresh, "a cache of what was installed before would hide the new package"
    empty = after(planned(create(change, NOW).run, plan(), NOW))
    assert not proposal_of(after(noted(run, empty, NOW))).tried


SNAPSHOTS = Snapshots(tool=SnapshotTool.JEST, paths=("__snapshots__/a.snap",))


def drawing(run: Run) -> Run:
    """A run of whose job it is known that only snapshots differ, and not yet how."""
    proposal = Proposal(
        kind=ProposalKind.SNAPSHOT, patch="", why="only snapshots differ", first=1, last=5, snapshots=SNAPSHOTS
    )
    told = explanation().having(proposal=proposal)
    return after(explained(run, TEST, attempt_of(run, "test"), told, NOW, 3))


def of_one(run: Run) -> Run:
    """The run of the one probe that is awaited, planned."""
    (change,) = probe_changes(run, TEST)
    return after(planned(create(change, NOW).run, plan(spec("test")), NOW))


def test_snapshots_are_written_by_one_probe_and_then_tried_by_another() -> None:
    run = drawing(failed())
    (change,) = probe_changes(run, TEST)
    assert change.probe is not None
    assert (change.head, change.probe.snapshots, change.probe.patch) == (HEAD, SNAPSHOTS, "")
    writing = finished(of_one(run), PASSED).run
    decision = sure(noted(run, writing, NOW, patch=PATCH))
    assert decision.commands == (RunProbes(job=TEST, attempt=attempt_of(run, "test")), Retire())
    run = decision.run
    assert (proposal_of(run).patch, proposal_of(run).tried) == (PATCH, False), "nothing is shown before it was tried"
    assert noted(run, writing, NOW, patch=PATCH.replace("y", "z")) is None, "the first answer counts"
    (change,) = probe_changes(run, TEST)
    assert change.probe is not None
    assert (change.probe.snapshots, change.probe.patch) == (None, PATCH)
    trial = finished(of_one(run), PASSED).run
    assert trial.id != writing.id
    decision = sure(noted(run, trial, NOW))
    assert decision.commands == (Report(), Retire())
    assert (proposal_of(decision.run).outcome, proposal_of(decision.run).run) == (Probed.PASSED, trial.id)
    assert noted(decision.run, writing, NOW, patch=PATCH) is None
    assert probe_changes(decision.run, TEST) == ()


@pytest.mark.parametrize(("result", "patch"), [(FAILED, PATCH), (REFUSED, PATCH), (PASSED, "")])
def test_where_nothing_comes_of_the_first_probe_there_is_no_second(result: AttemptResult, patch: str) -> None:
    run = drawing(failed())
    writing = finished(of_one(run), result).run
    decision = sure(noted(run, writing, NOW, unexplained=True, patch=patch))
    assert decision.commands == ()
    assert (proposal_of(decision.run).outcome, proposal_of(decision.run).patch) == (Probed.NOT_RUN, "")
    assert probe_changes(decision.run, TEST) == ()
    assert noted(decision.run, writing, NOW, patch=PATCH) is None


def test_a_patch_that_comes_with_a_probe_that_was_not_asked_to_write_is_none() -> None:
    run = drawing(failed())
    trial = finished(of_one(run), PASSED).run
    assert trial.change.probe is not None
    other = trial.having(change=trial.change.having(probe=trial.change.probe.having(snapshots=None)))
    assert noted(run, other, NOW, patch=PATCH) is None
    known = proposing(failed())
    trial = finished(of_one(known), PASSED).run
    assert proposal_of(after(noted(known, trial, NOW, patch=PATCH.replace("y", "z")))).patch == PATCH
