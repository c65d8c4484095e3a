"""Snapshots on real parts: one probe writes them anew, a second one tries them as a patch, and nothing is applied."""

from __future__ import annotations

import asyncio
import json
import uuid

from models.ids import JobId, RunId
from models.probe import Probed
from tests.e2e.forge.fixtures import git_server, prism, prism_url
from tests.e2e.forge.githttp import GitServer
from tests.e2e.forge.recorder import Recorder
from tests.e2e.repositories import branch, example, git
from tests.e2e.server import delta
from tests.e2e.test_proposal import tried
from tests.e2e.test_webhook_to_comment import NUMBER, comments, deliver, pull_request, settings

__all__ = ["git_server", "prism", "prism_url"]  # fixtures, found by name

PATH = "src/__snapshots__/label.test.js.snap"
HEAD = "// Jest Snapshot v1, https://jestjs.io/docs/snapshot-testing\n"
OLD = f'{HEAD}\nexports[`label 1`] = `"flour"`;\n'
# Compares and writes as jest does, and says what jest says.
JEST = """#!/usr/bin/env python3
import pathlib, sys
told = "-u" in sys.argv or "--updateSnapshot" in sys.argv
path = pathlib.Path("src/__snapshots__/{name}.test.js.snap")
new = "// Jest Snapshot v1, https://jestjs.io/docs/snapshot-testing\\n\\nexports[`label 1`] = `\\"FLOUR\\"`;\\n"
if told:
    {write}
elif path.read_text() != new:
    print("FAIL src/{name}.test.js\\n  \\u25cf label\\n\\n    expect(received).toMatchSnapshot()\\n")
    print("    Snapshot name: `label 1`\\n\\n \\u203a 1 snapshot failed.\\n")
    print("Tests:       1 failed, 1 total\\nSnapshots:   1 failed, 1 total")
    sys.exit(1)
"""
# What an attacker would rather have in the patch: a program, the host's file, a file that is elsewhere.
EVIL = """path.write_text(new + "require('child_process').execSync('id')\\n")
    pathlib.Path(".delta.yml").write_text("{}")"""
LINK = """path.unlink(); path.symlink_to("/etc/passwd")"""


def files() -> dict[str, str]:
    tools = {"label": "path.write_text(new)", "evil": EVIL, "link": LINK}
    jobs = {name: {"run": [f"chmod +x tools/{name}/jest", f"tools/{name}/jest --ci"]} for name in tools}
    made = {".delta.yml": json.dumps({"version": 1, "jobs": jobs})}
    for name, write in tools.items():
        made[f"src/__snapshots__/{name}.test.js.snap"] = OLD
        made[f"tools/{name}/jest"] = JEST.replace("{name}", name).replace("{write}", write)
    return made


def test_snapshots_are_written_anew_by_the_runner_tried_and_shown(
    docker_url: str, git_server: GitServer, prism: Recorder
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    head = branch(repository, "change", files())
    git(repository, "update-ref", f"refs/pull/{NUMBER}/head", head)
    with delta(settings(prism)) as server:
        server.up()
        run_id = deliver(server, pull_request(repository, git_server, head), str(uuid.uuid4()))
        label, evil, link = (
            asyncio.run(tried(server, RunId(run_id), JobId(name))) for name in ("label", "evil", "link")
        )
        trial = server.settled(str(label.run))
        shown = server.client.get(f"/v1/runs/{run_id}").json()["comment"]
        with prism.changed:
            assert prism.changed.wait_for(lambda: shown in comments(prism), timeout=60), comments(prism)
    assert label.outcome is Probed.PASSED
    assert trial.jobs[0].spec.run == ("chmod +x tools/label/jest", "tools/label/jest --ci"), "as it always runs"
    assert trial.change.probe is not None
    assert trial.change.probe.patch == label.patch
    assert "Proposal: the snapshots as the tests write them now; tried in a sandbox, the job then passed" in shown
    assert f"--- a/{PATH}\n" in shown
    assert '-exports[`label 1`] = `"flour"`;\n+exports[`label 1`] = `"FLOUR"`;\n' in shown
    for refused in (evil, link):
        assert (refused.outcome, refused.patch) == (Probed.NOT_RUN, "")
    assert shown.count("<summary>Proposal") == 1
    assert git(repository, "rev-parse", "change") == head, "nothing was applied"
    assert git(repository, "show", f"change:{PATH}") == OLD.strip()
