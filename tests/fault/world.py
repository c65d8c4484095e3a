"""What the fault suite breaks: one server on real parts, pull requests with a real job graph, and what must hold after.

The invariants, after every fault: each accepted event has exactly one run; each run has ended; each job has exactly one
accepted result; nothing is left over (containers, leases, actors); the forge shows the run's last state; the log of the
accepted attempt has no hole.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from api.webhooks.signature import GITHUB
from cluster.host.engine import connect
from models.events import EventKind
from models.machines import AttemptState, JobState, LeaseState, RunState
from models.run import Run
from sandbox.names import is_warm
from tests.e2e.repositories import git
from tests.e2e.server import Delta
from tests.fault.github import GitHub
from tests.fault.processes import actors
from tests.fault.stepped_clock import Clock

SECRET = "a secret"
REPOSITORY = "octo/graph"
LINES = 30
_STEP = f"for i in $(seq 1 {LINES}); do echo line $i; sleep 0.02; done"
_JOBS = {
    "build": {"run": _STEP},
    "unit": {"run": _STEP, "needs": ["build"]},
    "lint": {"run": _STEP, "needs": ["build"]},
    "package": {"run": _STEP, "needs": ["unit", "lint"]},
}
_ACTORS = {
    "OrchestratorActor": 1,
    "SupervisorActor": 2,
    "PlannerActor": 1,
    "AnalyzerActor": 1,
    "ReporterActor": 1,
    "RunnersActor": 1,
}
_PATIENCE_S = 60.0


@dataclass
class World:
    """The server, its forge and its repository. `submitted` is every run that was accepted."""

    server: Delta
    github: GitHub
    clock: Clock
    repository: Path
    clone_url: str
    docker_url: str
    random: random.Random
    submitted: list[str] = field(default_factory=list)
    _numbers: int = 0

    def new_pull_request(self) -> tuple[int, str]:
        """A pull request with one commit. Returns its number and the commit."""
        self._numbers += 1
        return self._numbers, self.push(self._numbers)

    def push(self, number: int) -> str:
        """A further commit on a pull request."""
        tree = git(self.repository, "rev-parse", "main^{tree}")
        head = git(self.repository, "commit-tree", tree, "-p", "main", "-m", f"{number} {uuid.uuid4()}")
        git(self.repository, "update-ref", f"refs/pull/{number}/head", head)
        return head

    def deliver(self, number: int, head: str, *, at: int = 0, delivery: str = "") -> str:
        """GitHub's event about it. Returns the run."""
        body = json.dumps(_payload(self, number, head, at)).encode()
        headers = {
            "X-GitHub-Event": "pull_request",
            "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
            "X-Hub-Signature-256": GITHUB.sign(SECRET, body),
            "Content-Type": "application/json",
        }
        answer = self.server.client.post("/webhooks/github", content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        run = str(answer.json()["run"])
        if run not in self.submitted:
            self.submitted.append(run)
        return run

    def at_some_instant(self, longest_s: float = 4.0) -> None:
        """Waits for a random time: faults come when they come."""
        threading.Event().wait(self.random.uniform(0.05, longest_s))

    def actor(self, name: str) -> psutil.Process:
        """A process with this in its title, of an actor or a runner; waits until there is one."""
        found: list[psutil.Process] = self.soon(lambda: self.processes(name), f"a process of {name}")
        return self.random.choice(found)

    def processes(self, name: str) -> list[psutil.Process]:
        """Every process of Ray's that carries this name in its title."""
        return actors(self.server, name)

    def containers(self) -> list[str]:
        """The names of the sandboxes of attempts."""
        client = connect(self.docker_url)
        installation = (self.server.state_dir / "installation.id").read_text()
        try:
            found = client.api.containers(all=True, filters={"label": f"delta.installation={installation}"})
            names = [name for each in found for name in each["Names"]]
            return [name.removeprefix("/") for name in names if not is_warm(installation, name)]
        finally:
            client.close()

    def soon(self, look: Callable[[], Any], what: str, patience_s: float = _PATIENCE_S) -> Any:
        """What `look` gives, as soon as it gives something. For what tells nobody when it happens."""
        deadline = time.monotonic() + patience_s
        while not (found := look()):
            assert time.monotonic() < deadline, f"{what} did not come\n{self.server.log()[-3000:]}"
            threading.Event().wait(0.05)
        return found

    def check(self, runs: list[str], *, state: RunState = RunState.PASSED) -> None:
        """Every invariant, for these runs that shall have ended so."""
        for run_id in runs:
            run = self.server.settled(run_id)
            assert run.state is state, (
                run_id,
                run.state,
                run.detail,
                [(job.id, job.state, job.detail) for job in run.jobs],
            )
            if state is RunState.PASSED:
                self._one_result_a_job(run)
                self._no_hole_in_the_logs(run)
            assert not _held(run), "a lease is left over"
            self._forge_shows(run)
        listed = [each["id"] for each in self.server.client.get("/v1/runs?limit=200").json()]
        assert sorted(listed) == sorted(self.submitted), "each accepted event has exactly one run"
        self.soon(lambda: not self.containers(), "the end of every container")
        self.soon(lambda: self._actors() == _ACTORS, f"the actors: there are {self._actors()}")

    def _one_result_a_job(self, run: Run) -> None:
        events = self.server.client.get(f"/v1/runs/{run.id}/events").json()
        ended = Counter(event["job"] for event in events if event["kind"] == EventKind.JOB_FINISHED)
        assert ended == {job.id: 1 for job in run.jobs}, ended
        assert sum(event["kind"] == EventKind.RUN_FINISHED for event in events) == 1
        for job in run.jobs:
            assert job.state is JobState.PASSED
            accepted = [attempt for attempt in job.attempts if attempt.state is AttemptState.PASSED]
            assert accepted == [job.attempt], [attempt.state for attempt in job.attempts]

    def _no_hole_in_the_logs(self, run: Run) -> None:
        for job in run.jobs:
            text = self.server.client.get(f"/v1/runs/{run.id}/jobs/{job.id}/log").text
            lines = [line for line in text.splitlines() if line.startswith("line ")]
            assert lines == [f"line {number}" for number in range(1, LINES + 1)], (job.id, lines)

    def _forge_shows(self, run: Run) -> None:
        def shown() -> dict[str, str]:
            return {check["name"]: check.get("conclusion", "") for check in self.github.checks_of(run.change.head)}

        passed = run.state is RunState.PASSED
        with self.github.changed:
            done = self.github.changed.wait_for(
                lambda: len(shown()) == (len(run.jobs) + 1 if run.jobs else 1) and all(shown().values()), _PATIENCE_S
            )
        assert done, (run.id, shown(), self.github.refused)
        assert not passed or set(shown().values()) == {"success"}, shown()
        externals = Counter(check["external_id"] for check in self.github.checks_of(run.change.head))
        assert set(externals.values()) == {1}, "no check twice"
        if passed and run.change.number is not None:
            with self.github.changed:
                self.github.changed.wait_for(lambda: self.github.comments_of(run.change.number or 0), _PATIENCE_S)
            assert len(self.github.comments_of(run.change.number)) == 1, "one comment"

    def _actors(self) -> dict[str, int]:
        found = {name: len(self.processes(name)) for name in _ACTORS}
        return {name: count for name, count in found.items() if count}


def graph(repository: Path) -> Path:
    """The repository whose pull requests are judged."""
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    (repository / ".delta.yml").write_text(json.dumps({"version": 1, "jobs": _JOBS}))
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=first")
    return repository


def settings(github: GitHub) -> dict[str, str]:
    """The server's."""
    return {
        "DELTA_GITHUB__WEBHOOK_SECRET": SECRET,
        "DELTA_GITHUB__TOKEN": "a token",
        "DELTA_GITHUB__API_URL": github.url,
        "DELTA_GITHUB__COALESCE_S": "0.2",
    }


def _held(run: Run) -> bool:
    leases = [attempt.lease for job in run.jobs for attempt in job.attempts]
    return any(lease is not None and lease.state is LeaseState.HELD for lease in leases)


def _payload(world: World, number: int, head: str, at: int) -> dict[str, Any]:
    base = git(world.repository, "rev-parse", "main")
    repo = {"id": 1, "full_name": REPOSITORY, "clone_url": world.clone_url, "default_branch": "main"}
    return {
        "action": "synchronize",
        "repository": repo,
        "pull_request": {
            "number": number,
            "title": f"pull request {number}",
            "user": {"login": "ada"},
            "updated_at": f"2026-01-01T00:00:{at:02d}Z" if at else None,
            "head": {"ref": f"change-{number}", "sha": head, "repo": {"id": 1}},
            "base": {"ref": "main", "sha": base, "repo": {"id": 1}},
        },
    }
