"""A four-way check on the real control plane: four runs nobody waits for, each on its node, and one verdict."""

from __future__ import annotations

import pytest

from actors.orchestrator import actor as orchestrator_actor
from actors.planner.mend import mended
from actors.reporter.render import comment
from models.change import Change, Forge
from models.errors import ChangeError, InfrastructureError, InternalError, NotFound
from models.events import EventKind
from models.failure import Explanation
from models.grant import Grant
from models.ids import AttemptId, CommitId, JobId, RunId, RunnerId
from models.inbox import Rerun, Submit
from models.plan import Plan
from models.probe import Corner, CornerProbe, FourWay, FourWayVerdict, Probed
from models.proposal import Proposal, ProposalKind
from models.result import AttemptResult
from models.run import Run
from models.snapshots import Snapshots, SnapshotTool
from tests.integration.control.plane import LONG_S, SHAPE, FakeAnalyzer, FakePlanner, Make, Plane
from tests.unit.core.samples import FAILED, HEAD, PASSED, change, plan, spec

TEST = JobId("test")
BASE = CommitId("ba5e" * 10)
NODES = {Corner.HEAD_SAME: "here", Corner.HEAD_OTHER: "there", Corner.BASE_SAME: "here", Corner.BASE_OTHER: "there"}


class Asking(FakeAnalyzer):
    """Of what is no probe, all four are asked for."""

    def __init__(self, plane: Plane) -> None:
        super().__init__()
        self._plane = plane

    async def explain(self, run: RunId, job: JobId, attempt: AttemptId) -> Explanation:
        plain = await super().explain(run, job, attempt)
        if (await self._plane.store.runs.load(run)).change.probe is not None:
            return plain
        four = (CornerProbe(corner=c, commit=HEAD if c.of_head else BASE, node=NODES[c]) for c in Corner)
        return plain.having(four_way=FourWay(probes=tuple(four)))


class PlacingPlanner(FakePlanner):
    """As the real one: a probe's job must run where the probe says."""

    async def plan(self, wanted: Change) -> Plan:
        if wanted.probe is None:
            return await super().plan(wanted)
        return plan(*(job.having(node=wanted.probe.node) for job in self.jobs))


@pytest.fixture
def checking(make: Make) -> Plane:
    made = make(spec("test"))
    made.analyzer = Asking(made)
    made.planner = PlacingPlanner(spec("test"))
    made.supervisors = [made.new_supervisor(number) for number in range(made.settings.supervisors)]
    return made


async def taken(plane: Plane, shape: str, node: str) -> Grant:
    name = RunnerId(f"runner-{len(plane.runners.at_work)}")
    grant = await plane.orchestrator.lease(name, shape, LONG_S, node)
    assert grant is not None
    return grant


async def failed(plane: Plane) -> Run:
    """A run whose job failed on the node `here`."""
    submitted = change().having(forge=Forge.GITHUB, number=7)
    await plane.store.inbox.put(Submit(change=submitted))
    grant = await taken(plane, SHAPE, "here")
    assert await plane.orchestrator.finish(grant, FAILED)
    return await plane.until(grant.run, lambda run: run.over)


async def probed(plane: Plane, results: dict[Corner, AttemptResult]) -> None:
    """All four, as runners of their nodes take them: nobody else may."""
    for place in ("here", "there", "here", "there"):
        grant = await taken(plane, f"{SHAPE}@{place}", place)
        probe = grant.change.probe
        assert probe is not None
        assert probe.corner is not None
        assert NODES[probe.corner] == place
        assert grant.change.head == (HEAD if probe.corner.of_head else BASE)
        assert await plane.orchestrator.finish(grant, results[probe.corner])


def verdict(run: Run) -> FourWayVerdict | None:
    found = run.job(TEST).explanation
    return found.four_way.verdict if found and found.four_way else None


async def test_the_four_are_queued_at_once_and_what_they_show_is_told_with_the_failure(checking: Plane) -> None:
    await checking.start()
    run = await failed(checking)
    lease = run.job(TEST).attempt.lease
    assert lease is not None
    assert lease.node == "here"
    await probed(checking, {corner: FAILED if corner.of_head else PASSED for corner in Corner})
    run = await checking.until(run.id, lambda record: verdict(record) is not None)
    assert verdict(run) is FourWayVerdict.CAUSED
    events = [event.kind for _, event in await checking.store.runs.events(run.id)]
    assert events.count(EventKind.JOB_PROBED) == 4
    gone = {await checking.retired() for _ in range(5)}
    assert run.id in gone
    assert len(checking.analyzer.asked) == 3, "the failure, and the two probes that failed; asked once each"


async def test_what_fails_on_the_base_too_is_not_caused_by_the_change(checking: Plane) -> None:
    await checking.start()
    run = await failed(checking)
    await probed(checking, dict.fromkeys(Corner, FAILED))
    run = await checking.until(run.id, lambda record: verdict(record) is not None)
    assert verdict(run) is FourWayVerdict.PRE_EXISTING


async def test_a_probe_that_cannot_be_explained_says_nothing_and_holds_up_no_verdict(checking: Plane) -> None:
    await checking.start()
    run = await failed(checking)
    await checking.until(run.id, lambda record: record.job(TEST).explanation is not None)
    checking.analyzer.errors = [NotFound("its report is on another node") for _ in range(2)]
    await probed(checking, {corner: FAILED if corner.of_head else PASSED for corner in Corner})
    run = await checking.until(run.id, lambda record: verdict(record) is not None)
    assert verdict(run) is FourWayVerdict.UNCLEAR


PATCH = "--- a/__snapshots__/a.snap\n+++ b/__snapshots__/a.snap\n@@ -1,1 +1,1 @@\n-x\n+y\n"


class Drawing(FakeAnalyzer):
    """Of what is no probe, only snapshots differ."""

    def __init__(self, plane: Plane) -> None:
        super().__init__()
        self.patch = PATCH
        self._plane = plane

    async def explain(self, run: RunId, job: JobId, attempt: AttemptId) -> Explanation:
        plain = await super().explain(run, job, attempt)
        if (await self._plane.store.runs.load(run)).change.probe is not None:
            return plain
        snapshots = Snapshots(tool=SnapshotTool.JEST, paths=("__snapshots__/a.snap",))
        proposal = Proposal(kind=ProposalKind.SNAPSHOT, patch="", why="", first=1, last=2, snapshots=snapshots)
        return plain.having(proposal=proposal)


def drawn(run: Run) -> Proposal | None:
    found = run.job(TEST).explanation
    return found.proposal if found is not None else None


@pytest.mark.parametrize("tries", [0, 1])
async def test_snapshots_are_written_by_one_probe_and_tried_by_a_second(make: Make, tries: int) -> None:
    plane = make(spec("test"))
    plane.analyzer = Drawing(plane)
    plane.supervisors = [plane.new_supervisor(number) for number in range(plane.settings.supervisors)]
    await plane.start()
    run = await failed(plane)
    writing = await taken(plane, SHAPE, "here")
    assert writing.change.probe is not None
    assert writing.change.probe.snapshots is not None
    plane.analyzer.errors = [InfrastructureError("the analyzer begins anew") for _ in range(tries)]
    assert await plane.orchestrator.finish(writing, PASSED)
    trial = await taken(plane, SHAPE, "here")
    assert trial.change.probe is not None
    assert (trial.change.probe.snapshots, trial.change.probe.patch) == (None, PATCH)
    assert await plane.orchestrator.finish(trial, PASSED)
    run = await plane.until(run.id, lambda record: bool((found := drawn(record)) and found.outcome))
    proposal = drawn(run)
    assert proposal is not None
    assert (proposal.outcome, proposal.run, proposal.patch) == (Probed.PASSED, trial.run, PATCH)
    gone: set[RunId] = set()
    while not gone >= {run.id, writing.run, trial.run}:
        gone.add(await plane.retired())


async def test_a_probe_whose_snapshots_cannot_be_read_ends_all_the_same(make: Make) -> None:
    plane = make(spec("test"))
    plane.analyzer = Drawing(plane)
    plane.supervisors = [plane.new_supervisor(number) for number in range(plane.settings.supervisors)]
    await plane.start()
    run = await failed(plane)
    writing = await taken(plane, SHAPE, "here")
    plane.analyzer.errors = [InternalError("a bug")]
    assert await plane.orchestrator.finish(writing, PASSED)
    run = await plane.until(run.id, lambda record: bool((found := drawn(record)) and found.outcome))
    proposal = drawn(run)
    assert proposal is not None
    assert (proposal.outcome, proposal.patch) == (Probed.NOT_RUN, "")


async def test_what_a_configuration_that_cannot_be_read_was_meant_to_say_is_shown(make: Make) -> None:
    plane = make()
    plane.planner.errors = [ChangeError('.delta.yml:4:5: job "test" has no key "timeuot"')]
    plane.planner.proposal = mended("version: 1\njobs:\n  test:\n    timeuot: 5m\n    run: make\n")
    await plane.start()
    run = await plane.submit()
    record = await plane.until(run, lambda record: record.over)
    assert record.proposal is not None
    assert record.proposal == plane.planner.proposal
    assert "+    timeout: 5m" in comment(record, "")
    await plane.store.inbox.put(Rerun(run=run, which="all", by="ada"))
    record = await plane.until(run, lambda record: bool(record.jobs))
    assert record.proposal is None, "it can be planned by now"


async def test_while_somebody_waits_for_a_runner_none_is_asked_for_a_probe(
    checking: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator_actor, "_REMIND_S", 0.01)
    await checking.start()
    submitted = change().having(forge=Forge.GITHUB, number=7)
    await checking.store.inbox.put(Submit(change=submitted))
    grant = await taken(checking, SHAPE, "here")
    waiting = await checking.submit("another one")
    await checking.until(waiting, lambda run: bool(run.jobs))
    assert await checking.orchestrator.finish(grant, FAILED)
    bound = [f"{SHAPE}@{node}" for node in ("here", "there")]
    while sum([await checking.orchestrator.queued(shape) for shape in bound]) < len(Corner):
        await checking.runs.done.get()
    for _ in range(2):  # the second time, all that is wanted was told since
        checking.runners.wished.clear()
        await checking.runners.wished.wait()
    assert {shape for shape, _ in checking.runners.wishes} == {SHAPE}
    assert (await taken(checking, SHAPE, "here")).run == waiting
    while not any(shape == f"{SHAPE}@there" for shape, _ in checking.runners.wishes):
        checking.runners.wished.clear()
        await checking.runners.wished.wait()
