"""`delta run` on the example, with everything real: verdict, reasons, the lines and the kind of each failure."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster.host.engine import connect
from cluster.images.build import prepare
from cluster.images.services import SERVICE_REDIS
from tests.e2e.repositories import branch, edited, example, git
from tests.e2e.server import DELTA, Delta, as_json, delta

UNITS = "src/kitchen/units.py"
RIGHT = "exact = Fraction(fahrenheit - 32) * 5 / 9"
FORGETFUL = "exact = Fraction(fahrenheit) * 5 / 9"
BROKEN_TEST = "tests/test_units.py::test_an_oven_at_350_fahrenheit_is_set_to_180_celsius"
TEST_LIMIT = "timeout: 2m"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return example(tmp_path / "kitchen")


def judged(server: Delta, repository: Path, files: dict[str, str]) -> tuple[int, Any]:
    branch(repository, "change", files)
    done = server.command("run", str(repository), "--base", "main", "--head", "change", "--json")
    return done.returncode, as_json(done)


def job(run: Any, name: str) -> Any:
    return next(job for job in run["jobs"] if job["id"] == name)


def finding(run: Any, name: str) -> Any:
    explanation = job(run, name)["explanation"]
    assert explanation is not None, run
    return explanation["finding"]


def test_a_change_that_is_right_passes_and_says_why_each_job_ran_or_did_not(server: Delta, repository: Path) -> None:
    text = (repository / UNITS).read_text()
    code, run = judged(server, repository, {UNITS: text + "\nABSOLUTE_ZERO_CELSIUS = -273\n"})
    assert (code, run["state"]) == (0, "passed")
    assert [(each["id"], each["state"]) for each in run["jobs"]] == [("syntax", "passed"), ("test", "passed")]
    assert {"rule": "paths", "evidence": f"`{UNITS}` matches `src/**`", "score": 1.0} in job(run, "test")["reasons"]
    [skipped] = run["plan"]["skipped"]
    assert skipped["id"] == "docs"
    assert "none of the changed files" in skipped["reasons"][0]["evidence"]
    [attempt] = job(run, "test")["attempts"]
    assert attempt["result"]["runtime"] == "delta-runsc"
    assert [artifact["path"] for artifact in attempt["result"]["artifacts"]] == ["reports/junit.xml"]
    assert run["comment"].count("\n") <= 3, "all is well: one line"


def test_a_change_that_breaks_a_test_names_it_and_shows_its_lines(server: Delta, repository: Path) -> None:
    code, run = judged(server, repository, edited(repository, UNITS, RIGHT, FORGETFUL))
    assert (code, run["state"], job(run, "test")["state"]) == (1, "failed", "failed")
    found = finding(run, "test")
    assert found["category"] == "test"
    assert [(test["name"], test["source"]) for test in found["failing_tests"]] == [(BROKEN_TEST, "junit")]
    assert "assert 190 == 180" in found["excerpt_text"]
    assert "assert 190 == 180" in run["comment"]
    assert BROKEN_TEST in run["comment"]


def test_the_same_failure_again_points_to_the_earlier_one_and_to_what_fixed_it(server: Delta, repository: Path) -> None:
    broken = edited(repository, UNITS, RIGHT, FORGETFUL)
    branch(repository, "change", broken)
    run = ("run", str(repository), "--base", "main", "--head", "change", "--json")
    first = as_json(server.command(*run))
    git(repository, "checkout", "--quiet", "change")
    (repository / UNITS).write_text(broken[UNITS].replace(FORGETFUL, RIGHT + "  # as it was"))
    git(repository, "commit", "--quiet", "--all", "--message=fix")
    fix = git(repository, "rev-parse", "HEAD")
    assert as_json(server.command(*run))["state"] == "passed"
    (repository / UNITS).write_text(broken[UNITS] + "\n# again\n")
    git(repository, "commit", "--quiet", "--all", "--message=again")
    again = as_json(server.command(*run))
    past = job(again, "test")["explanation"]["past"]
    assert past is not None
    assert (past["run"], past["fixed_by"]) == (first["id"], fix)
    assert past["distance"] < 0.05
    assert fix[:12] in again["comment"] or fix[:7] in again["comment"]


def test_a_syntax_error_is_found_by_the_cheap_job_and_the_tests_are_not_run(server: Delta, repository: Path) -> None:
    code, run = judged(server, repository, edited(repository, UNITS, RIGHT, "exact = Fraction(fahrenheit - 32 * 5 / 9"))
    assert (code, run["state"]) == (1, "failed")
    assert (job(run, "syntax")["state"], job(run, "test")["state"]) == ("failed", "skipped")
    assert job(run, "test")["attempts"] == []
    found = finding(run, "syntax")
    assert found["category"] == "build"
    assert "SyntaxError" in found["excerpt_text"]
    assert UNITS in found["excerpt_text"]


def test_a_job_that_does_not_end_is_stopped_at_its_limit(server: Delta, repository: Path) -> None:
    files = edited(repository, ".delta.yml", TEST_LIMIT, "timeout: 3")
    files["tests/test_forever.py"] = (
        "def test_forever():\n    print('waiting', flush=True)\n    while True:\n        pass\n"
    )
    code, run = judged(server, repository, files)
    assert (code, run["state"]) == (1, "failed")
    [attempt] = job(run, "test")["attempts"]
    assert (attempt["state"], attempt["result"]["cause"]) == ("timed_out", "wall_time")
    found = finding(run, "test")
    assert found["category"] == "timeout"
    assert "3 s" in found["summary"]
    assert "test_forever" in found["excerpt_text"]


def test_a_job_that_takes_too_much_memory_says_so(server: Delta, repository: Path) -> None:
    hog = "def test_hog():\n    held = [b'x' * (64 << 20) for _ in range(64)]\n    assert held\n"
    code, run = judged(server, repository, {"tests/test_hog.py": hog})
    assert (code, run["state"]) == (1, "failed")
    [attempt] = job(run, "test")["attempts"]
    assert attempt["result"]["cause"] == "out_of_memory"
    found = finding(run, "test")
    assert found["category"] == "out_of_memory"
    assert "512 MB" in found["summary"]


def test_a_job_reaches_its_service_and_takes_its_memory(server: Delta, repository: Path, docker_url: str) -> None:
    client = connect(docker_url)
    try:
        prepare(client, SERVICE_REDIS, print)
    finally:
        client.close()
    config = (
        "version: 1\njobs:\n  ask:\n    services: {cache: {image: service-redis}}\n    run:\n"
        '      - exec 3<> /dev/tcp/localhost/6379; echo PING >&3; read -r answer <&3; echo "$answer"\n'
    )
    code, run = judged(server, repository, {".delta.yml": config})
    log = server.client.get(f"/v1/runs/{run['id']}/jobs/ask/log").text
    assert (code, run["state"]) == (0, "passed"), log
    assert "+PONG" in log
    assert "service cache: on localhost:6379" in log


def test_the_work_tree_can_be_judged_without_a_commit(server: Delta, repository: Path) -> None:
    (repository / "docs" / "new.md").write_text("# New\n")
    before = git(repository, "status", "--porcelain"), git(repository, "count-objects")
    run = as_json(server.command("run", str(repository), "--worktree", "--json"))
    assert [changed["path"] for changed in run["plan"]["changed"]] == ["docs/new.md"]
    assert [each["id"] for each in run["jobs"]] == ["docs"]
    assert (git(repository, "status", "--porcelain"), git(repository, "count-objects")) == before


def test_a_configuration_that_does_not_parse_could_not_run_and_says_where(server: Delta, repository: Path) -> None:
    files = edited(repository, ".delta.yml", "needs: [syntax]", "needs: [sintax]")
    code, run = judged(server, repository, files)
    assert (code, run["state"]) == (2, "errored")
    assert ".delta.yml" in run["detail"]
    assert "syntax" in run["detail"], "the nearest name"


def test_what_cannot_be_found_is_said_in_one_line(server: Delta, repository: Path, tmp_path: Path) -> None:
    done = server.command("run", str(repository), "--base", "no-such-branch")
    assert done.returncode == 2
    assert "no-such-branch" in done.stderr
    assert "Traceback" not in done.stderr
    done = server.command("run", str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_the_second_run_of_a_project_installs_nothing(server: Delta, repository: Path) -> None:
    config = """\
version: 1
jobs:
  test:
    run:
      - test -d .venv || { python3 -m venv --without-pip .venv; echo made > how.txt; }
      - .venv/bin/python -c "import sys; assert sys.prefix == '/workspace/.venv'"
    cache: [{key: requirements.lock, paths: [.venv]}]
    artifacts: [how.txt]
"""
    branch(repository, "change", {".delta.yml": config, "requirements.lock": "one==1\n"})
    run = ("run", str(repository), "--base", "main", "--head", "change", "--json")

    def judged_again() -> tuple[str, int, int]:
        done = as_json(server.command(*run))
        [attempt] = job(done, "test")["attempts"]
        return done["state"], len(attempt["result"]["artifacts"]), len(attempt["result"]["saved"])

    assert judged_again() == ("passed", 1, 1), "it installs, and what it installed is kept"
    assert judged_again() == ("passed", 0, 0), "it installs nothing"
    git(repository, "checkout", "--quiet", "change")
    (repository / "requirements.lock").write_text("one==2\n")
    git(repository, "commit", "--quiet", "--all", "--message=another lock")
    assert judged_again() == ("passed", 1, 1), "another lock file, another environment"


def test_ctrl_c_cancels_the_run_and_leaves_no_container(docker_url: str, repository: Path) -> None:
    branch(repository, "change", {".delta.yml": "version: 1\njobs:\n  long:\n    run: [echo working, sleep 600]\n"})
    with delta() as own:
        command = [DELTA, "run", str(repository), "--base", "main", "--head", "change"]
        with subprocess.Popen(command, env=own.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            assert run.stdout is not None
            for line in run.stdout:
                if line.strip().endswith("│ working"):
                    os.kill(run.pid, signal.SIGINT)
                    break
            rest = run.stdout.read()
        assert run.returncode == 130, rest
        installation = (own.state_dir / "installation.id").read_text()
    client = connect(docker_url)
    try:
        assert client.containers.list(all=True, filters={"label": f"delta.installation={installation}"}) == []
    finally:
        client.close()
