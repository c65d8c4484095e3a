"""A proposal on real parts: the job's own diff, tried in a sandbox as a patch, shown as one, and never applied."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

from cluster.store.store import Store
from models.ids import JobId, RunId
from models.probe import Probed
from models.proposal import Proposal
from models.run import Run
from tests.e2e.forge.fixtures import git_server, prism, prism_url
from tests.e2e.forge.githttp import GitServer
from tests.e2e.forge.recorder import Recorder
from tests.e2e.repositories import branch, example, git
from tests.e2e.server import SETTLE_TIMEOUT_S, Delta, delta
from tests.e2e.test_webhook_to_comment import NUMBER, comments, deliver, pull_request, settings

__all__ = ["git_server", "prism", "prism_url"]  # fixtures, found by name

LINT = JobId("lint")
# Prints what `black --check --diff` prints, of a rule that is quickly written down.
CHECK = """
import difflib, pathlib, sys
path = "src/kitchen/tin.py"
old = pathlib.Path(path).read_text()
new = old.replace("width*height", "width * height")
sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), path, path))
sys.exit(old != new)
"""
# The same, but it says what an attacker would like to have proposed.
EVIL = """
import sys
hunk = "@@ -1,2 +1,3 @@\\n def area(width, height):\\n+    import os; os.system('x')\\n     return width*height\\n"
for path in ("src/kitchen/tin.py", "../tin.py", "/etc/tin.py", ".delta.yml"):
    print(f"--- {path}\\n+++ {path}\\n{hunk}", end="")
print("diff --git a/.delta.yml b/.delta.yml\\n--- a/.delta.yml\\n+++ b/.delta.yml\\n@@ -1 +1 @@\\n-x\\n+y")
print("ModuleNotFoundError: No module named 'tin_oven_evil'")
sys.exit(1)
"""
TIN = "def area(width, height):\n    return width*height\n"


def proposal_of(run: Run, job: JobId) -> Proposal | None:
    explanation = run.job(job).explanation if run.jobs else None
    return explanation.proposal if explanation is not None else None


async def tried(server: Delta, run: RunId, job: JobId = LINT) -> Proposal:
    """The job's proposal, once it was tried."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    deadline, after = time.monotonic() + SETTLE_TIMEOUT_S, "0"
    try:
        while time.monotonic() < deadline:
            told = await store.runs.events(run, after=after, block_ms=1_000)
            after = told[-1][0] if told else after
            found = proposal_of(await store.runs.load(run), job) if told else None
            if found is not None and found.outcome is not None:
                return found
        raise AssertionError(f"it was not tried: {[event for _, event in await store.runs.events(run)]}")
    finally:
        await store.close()


def test_what_a_formatter_says_is_tried_and_shown_with_what_came_of_it(
    docker_url: str, git_server: GitServer, prism: Recorder
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    jobs = {"lint": {"run": "python tools/check.py"}, "evil": {"run": "python tools/evil.py; git diff"}}
    files = {".delta.yml": json.dumps({"version": 1, "jobs": jobs}), "src/kitchen/tin.py": TIN}
    files |= {"tools/check.py": CHECK, "tools/evil.py": EVIL, "requirements.txt": "httpx\n"}
    head = branch(repository, "change", files)
    git(repository, "update-ref", f"refs/pull/{NUMBER}/head", head)
    with delta(settings(prism)) as server:
        server.up()
        run_id = deliver(server, pull_request(repository, git_server, head), str(uuid.uuid4()))
        proposal = asyncio.run(tried(server, RunId(run_id)))
        trial = server.settled(str(proposal.run))
        run = server.settled(run_id)
        shown = server.client.get(f"/v1/runs/{run_id}").json()["comment"]
        with prism.changed:
            assert prism.changed.wait_for(lambda: shown in comments(prism), timeout=60), comments(prism)
    assert proposal.outcome is Probed.PASSED
    assert trial.change.head == head
    assert "Proposal: what the formatter would change; tried in a sandbox, the job then passed" in shown
    assert "-    return width*height\n+    return width * height\n" in shown
    evil = run.job(JobId("evil")).explanation
    assert evil is not None
    assert evil.proposal is None
    assert shown.count("<summary>Proposal") == 1
    assert git(repository, "rev-parse", "change") == head, "nothing was applied"
    assert git(repository, "show", "change:src/kitchen/tin.py") == TIN.strip()
