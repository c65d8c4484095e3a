"""Which probes a failure asks for: only of what is ours and harmless, and only where each can run."""

from __future__ import annotations

import pytest

from actors.analyzer.explain import MAX_LINES, markdown
from actors.analyzer.fourway import Nodes, asked, line
from models.change import ChangeKind, Forge, Trust
from models.failure import Category, Explanation, Finding, Span
from models.ids import CommitId, JobId, RunId, RunnerId
from models.job import Concurrency, JobSpec, Resources, SecretUse, Step
from models.lifecycle.attempts import finish, lease
from models.lifecycle.rerun import rerun
from models.probe import Corner, CornerProbe, FourWay, Probed
from models.result import AttemptResult, Outcome
from models.run import Run
from tests.unit.core.samples import BROKEN, FAILED, NOW, TIMED_OUT, TOKEN, after, attempt_of, running, spec

TEST = JobId("test")
BASE = CommitId("ba5e" * 10)
HAS = {"gvisor": 1000.0, "CPU": 2.0, "memory": 8e9}
TWO: Nodes = {"here": HAS, "there": HAS}


def failed(job: JobSpec | None = None, result: AttemptResult = FAILED, node: str = "here", **change: object) -> Run:
    run = running(job or spec("test"))
    told = {"forge": Forge.GITHUB, "kind": ChangeKind.PULL_REQUEST, "number": 7} | change
    run = run.having(change=run.change.having(**told))
    run = run.having(plan=run.plan.having(merge_base=BASE) if run.plan else None)
    return failed_again(run, result, node)


def failed_again(run: Run, result: AttemptResult = FAILED, node: str = "here") -> Run:
    """A run whose job is queued, once that has ended so."""
    attempt = attempt_of(run, "test")
    run = after(lease(run, TEST, attempt, token=TOKEN, runner=RunnerId("runner-1"), session="s", now=NOW, node=node))
    return after(finish(run, TEST, attempt, token=TOKEN, result=result, now=NOW))


def of(run: Run, nodes: Nodes = TWO) -> FourWay | None:
    return asked(run, TEST, run.job(TEST).attempts[-1].id, nodes)


def places(check: FourWay | None) -> list[tuple[CommitId | None, str, str]]:
    assert check is not None
    assert [each.corner for each in check.probes] == [*Corner]
    return [(each.commit, each.node, each.why) for each in check.probes]


def test_all_four_are_asked_for_at_once() -> None:
    run = failed()
    head = run.change.head
    assert places(of(run)) == [(head, "here", ""), (head, "there", ""), (BASE, "here", ""), (BASE, "there", "")]
    assert of(failed(result=TIMED_OUT)) is not None


def test_on_a_single_node_the_other_two_are_not_run_and_it_is_said_why() -> None:
    run = failed()
    small = {"gvisor": 1000.0, "CPU": 0.5, "memory": 8e9}
    for nodes in ({"here": HAS}, {"here": HAS, "head": {"CPU": 4.0, "memory": 8e9}}, {"here": HAS, "small": small}):
        alone = "no other node can run the job"
        assert [why for *_, why in places(of(run, nodes))] == ["", alone, "", alone]


def test_another_node_needs_the_labels_of_the_job() -> None:
    run = failed(spec("test").having(resources=Resources(labels=("gpu",))))
    able = {"here": HAS | {"label-gpu": 1.0}, "there": HAS, "with": HAS | {"label-gpu": 1.0}}
    assert [node for _, node, _ in places(of(run, able))] == ["here", "with", "here", "with"]


def test_where_the_node_is_gone_or_unknown_or_there_is_no_base_less_is_asked_for() -> None:
    gone = places(of(failed(), {"there": HAS}))
    assert [why for *_, why in gone] == ["the node is gone", "", "the node is gone", ""]
    assert of(failed(node=""), TWO) is None, "which node is another one is not known either"
    run = failed()
    run = run.having(plan=run.plan.having(merge_base=run.change.head) if run.plan else None)
    no_base = "there is no earlier commit to compare with"
    assert [why for *_, why in places(of(run))] == ["", "", no_base, no_base]


@pytest.mark.parametrize(
    "run",
    [
        failed(trust=Trust.FORK),
        failed(forge=Forge.LOCAL),
        failed(kind=ChangeKind.PROBE),
        failed(kind=ChangeKind.AUDIT),
        failed(spec("test").having(steps=(Step(secrets=(SecretUse(name="TOKEN"),)),))),
        failed(spec("test").having(concurrency=Concurrency(group="deploy"))),
        failed(result=AttemptResult(outcome=Outcome.PASSED)),
        failed(result=BROKEN),
        failed_again(after(rerun(failed(), "all", "ada", NOW))),
    ],
    ids=["fork", "local", "probe", "audit", "secrets", "group", "passed", "errored", "asked again"],
)
def test_what_is_not_ours_or_may_change_something_outside_is_not_run_again(run: Run) -> None:
    assert of(run) is None


def test_an_attempt_that_is_not_the_last_one_is_not_looked_at() -> None:
    run = after(rerun(failed(), "all", "ada", NOW))
    assert asked(run, TEST, run.job(TEST).attempts[0].id, TWO) is None


def known(*outcomes: Probed) -> FourWay:
    pairs = [*zip(Corner, outcomes, strict=True)]
    why = {corner: "it is so" for corner, shown in pairs if shown is Probed.NOT_RUN}
    check = FourWay(probes=tuple(CornerProbe(corner=corner, why=why.get(corner, "")) for corner in Corner))
    for corner, shown in pairs:
        check = check.noted(corner, RunId("r1"), shown)
    return check


def test_the_answer_is_one_line() -> None:
    assert line(None) == line(FourWay(probes=(CornerProbe(corner=Corner.HEAD_SAME),))) == ""
    assert line(known(Probed.FAILED, Probed.NOT_RUN, Probed.PASSED, Probed.OTHERWISE)) == (
        "Four-way check: **caused by this change** (this commit, same node: failed again; this commit, another node:"
        " not run (it is so); base, same node: passed; base, another node: failed in another way)."
    )


def test_the_comment_shows_it_and_stays_short() -> None:
    long = "\n".join(["x"] * 60)
    finding = Finding(
        category=Category.TEST,
        confidence=1.0,
        excerpt=(Span(first=1, last=60),),
        excerpt_text=long,
        summary="it failed",
        signature="s",
    )
    text = markdown(Explanation(finding=finding, four_way=known(*(Probed.PASSED,) * 4)))
    assert len(text.splitlines()) <= MAX_LINES
    assert text.splitlines()[-3].startswith("Four-way check: **flaky, the same commit passed on the same node**")
