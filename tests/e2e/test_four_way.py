"""A four-way check on real parts: two nodes of one Ray, gVisor, a signed webhook in, the comment with the verdict."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

from cluster.store.store import Store
from models.events import EventKind
from models.ids import JobId, RunId
from models.probe import Corner, FourWay, FourWayVerdict, Probed
from models.run import Run
from tests.e2e.forge.fixtures import git_server, prism, prism_url
from tests.e2e.forge.githttp import GitServer
from tests.e2e.forge.recorder import Recorder
from tests.e2e.repositories import branch, edited, example, git
from tests.e2e.server import SETTLE_TIMEOUT_S, Delta, delta
from tests.e2e.test_webhook_to_comment import NUMBER, comments, deliver, pull_request, settings
from tests.fault.worker_node import join

__all__ = ["git_server", "prism", "prism_url"]  # fixtures, found by name

CONFIG = {"version": 1, "jobs": {"test": {"run": "pytest -q tests/test_units.py", "tests": False}}}


def check_of(run: Run) -> FourWay | None:
    """What stands in the run about it."""
    explanation = run.job(JobId("test")).explanation
    return explanation.four_way if explanation is not None else None


async def checked(server: Delta, run: RunId) -> Run:
    """The run, once its four-way check has a verdict."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    deadline, after = time.monotonic() + SETTLE_TIMEOUT_S, "0"
    try:
        while time.monotonic() < deadline:
            told = await store.runs.events(run, after=after, block_ms=1_000)
            after = told[-1][0] if told else after
            if any(event.kind is EventKind.JOB_PROBED for _, event in told):
                record = await store.runs.load(run)
                if (check := check_of(record)) is not None and check.verdict is not None:
                    return record
        raise AssertionError(f"no verdict: {[event for _, event in await store.runs.events(run)]}")
    finally:
        await store.close()


def test_a_failure_that_the_change_causes_is_said_to_be_caused_by_it(
    docker_url: str, git_server: GitServer, prism: Recorder
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    (repository / ".delta.yml").write_text(json.dumps(CONFIG))
    git(repository, "commit", "--quiet", "--all", "--message=one job")
    broken = edited(repository, "src/kitchen/units.py", "Fraction(fahrenheit - 32)", "Fraction(fahrenheit)")
    head = branch(repository, "change", broken)
    git(repository, "update-ref", f"refs/pull/{NUMBER}/head", head)
    with delta(settings(prism) | {"DELTA_ANALYZER__FOUR_WAY": "true"}) as server:
        server.up()
        raylet = join(server)
        run_id = deliver(server, pull_request(repository, git_server, head), str(uuid.uuid4()))
        run = asyncio.run(checked(server, RunId(run_id)))
        check = check_of(run)
        assert check is not None
        probes = {each.corner: each for each in check.probes}
        records = {corner: server.settled(str(each.run)) for corner, each in probes.items()}
        shown = server.client.get(f"/v1/runs/{run_id}").json()["comment"]
        with prism.changed:
            assert prism.changed.wait_for(lambda: shown in comments(prism), timeout=60), comments(prism)
        raylet.terminate()
    assert {corner: each.outcome for corner, each in probes.items()} == {
        Corner.HEAD_SAME: Probed.FAILED,
        Corner.HEAD_OTHER: Probed.FAILED,
        Corner.BASE_SAME: Probed.PASSED,
        Corner.BASE_OTHER: Probed.PASSED,
    }
    assert check.verdict is FourWayVerdict.CAUSED
    assert "Four-way check: **caused by this change**" in shown
    here = run.job(JobId("test")).attempt.lease
    assert here is not None
    ran = {corner: record.jobs[0].attempt.lease for corner, record in records.items()}
    for corner, lease in ran.items():
        assert lease is not None
        assert (lease.node == here.node) is corner.same_node, "each ran where it was to run"
    assert not any("probe of" in text for text in comments(prism)), "no probe is told to the forge"
