"""The plan of a probe: the failed job as it was, in the place where it is to be."""

from __future__ import annotations

import pytest

from actors.planner.probing import probe_plan
from models.change import ChangeKind, Forge
from models.errors import NotFound
from models.ids import AttemptId, CommitId, JobId
from models.job import CacheSpec
from models.policy import Policy, ServerRules
from models.probe import Corner, Probe
from models.snapshots import Snapshots, SnapshotTool
from tests.unit.core.samples import FAILED, PASSED, attempt_of, change, finished, running, spec

BASE = CommitId("ba5e" * 10)
JOB = spec("test", "build", retries=2, always=True).having(
    env={"DELTA_TESTS": "tests/test_a.py"},
    artifacts=("dist/*",),
    junit=("report.xml",),
    caches=(CacheSpec(key="k", paths=("~/.cache",)),),
)
ABOUT = running(spec("build"), JOB)
PROBE = Probe(run=ABOUT.id, job=JobId("test"), attempt=AttemptId("a"), corner=Corner.BASE_OTHER, node="n2")
ASKED = change().having(kind=ChangeKind.PROBE, forge=Forge.GITHUB, head=BASE, title="probe of a", probe=PROBE)


def test_it_runs_the_failed_job_alone_once_and_where_it_is_asked_for() -> None:
    made = probe_plan(ASKED, ABOUT, Policy())
    assert made.head == BASE
    (job,) = made.jobs
    assert job.spec == JOB.having(needs=(), retries=0, always=False, artifacts=(), node="n2")
    assert job.spec.footprint.shape == f"{JOB.footprint.shape}@n2"
    assert job.reasons[0].evidence == "probe of a"


def test_what_the_policy_no_longer_allows_is_not_run() -> None:
    assert probe_plan(ASKED, ABOUT, Policy(server=ServerRules(images=("own-*",)))).jobs == ()


def test_a_job_that_is_not_there_and_a_change_that_is_no_probe_are_refused() -> None:
    with pytest.raises(NotFound, match="no job 'gone'"):
        probe_plan(ASKED.having(probe=PROBE.having(job=JobId("gone"))), ABOUT, Policy())
    with pytest.raises(NotFound, match="is no probe"):
        probe_plan(change(), ABOUT, Policy())


def test_one_that_tries_another_dependency_restores_no_cache() -> None:
    (job,) = probe_plan(ASKED.having(probe=PROBE.having(fresh=True)), ABOUT, Policy()).jobs
    assert job.spec.caches == ()


def test_one_that_tries_another_image_runs_in_it_as_far_as_the_policy_allows_it() -> None:
    asked = ASKED.having(probe=PROBE.having(image="runner-go"))
    (job,) = probe_plan(asked, ABOUT, Policy()).jobs
    assert job.spec.image == "runner-go"
    assert probe_plan(asked, ABOUT, Policy(server=ServerRules(images=("runner-python",)))).jobs == ()


def test_one_that_writes_snapshots_runs_up_to_the_step_that_failed_and_keeps_nothing_else() -> None:
    job = JOB.having(id=JobId("lint"), needs=(), run=("npm ci", "npx jest", "make push"), retries=0)
    about = finished(running(job), FAILED.having(step=1), "lint").run
    snapshots = Snapshots(tool=SnapshotTool.JEST, paths=("__snapshots__/a.snap",))
    probe = Probe(run=about.id, job=job.id, attempt=attempt_of(about, "lint"), snapshots=snapshots)
    (made,) = probe_plan(ASKED.having(probe=probe), about, Policy()).jobs
    assert made.spec.run == ("npm ci", "npx jest -u")
    assert (made.spec.artifacts, made.spec.junit, made.spec.caches) == (snapshots.paths, (), JOB.caches)
    for other in (probe.having(attempt=AttemptId("gone")), probe.having(job=JobId("build"))):
        lost = finished(running(spec("build"), job), PASSED, "build").run
        assert probe_plan(ASKED.having(probe=other), lost, Policy()).jobs == (), "it is not known which step failed"
