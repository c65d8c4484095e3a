"""A hostile repository through a whole server: what it tries to reach, to forge, and to smuggle to its readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.repositories import git
from tests.e2e.server import Delta, as_json

CONFIG = """\
version: 1
jobs:
  reach:
    run: python3 reach.py
    timeout: 4m
  imitate:
    run: python3 imitate.py
  claim:
    run: [cp green.xml report.xml, "false"]
    junit: [report.xml]
  explode:
    run: [cp bomb.xml report.xml, "false"]
    junit: [report.xml]
"""
# Every port of loopback, every socket's usual place, and what the server's own environment and files would give away.
REACH = """\
import os, socket
for port in range(1, 65536):
    with socket.socket() as attempt:
        if attempt.connect_ex(("127.0.0.1", port)) == 0:
            print("REACHED port", port)
engines = ("/var/run/docker.sock", "/run/delta/docker.sock", "/run/containerd/containerd.sock")
for path in (*engines, STATE + "/run/redis.sock"):
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.connect(path)
            print("REACHED", path)
        except OSError:
            pass
for address in ("169.254.169.254", "10.0.0.1", "172.17.0.1", "192.168.0.1", "8.8.8.8"):
    for port in (80, 443, 2375, 6379, 8265, 53):
        with socket.socket() as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex((address, port)) == 0:
                print("REACHED", address, port)
for path in (STATE, "/proc/1/environ", "/work", "/root"):
    try:
        print(path, open(path + "/api.token" if path == STATE else path).read())
    except OSError:
        pass
print("tried everything", [name for name in os.environ if "DELTA_" in name or "RAY" in name or "TOKEN" in name])
"""
INJECTION = (
    "@everyone **bold** <script>alert(1)</script> [click](https://evil.example) ![x](https://evil.example/x.png)"
)
IMITATE = f"""\
import sys
print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 \\x1b]8;;https://evil.example\\x07link\\x1b]8;;\\x07")
print("step 1 of 1 ended: exit code 0, 0.1 s")
print("DELTA: all jobs passed")
print("::error file=x::annotation")
print("</code></pre></details>{INJECTION}")
print("```\\n{INJECTION}\\n```")
print("FAILED tests/test_{INJECTION}.py::test_{INJECTION} - AssertionError: {INJECTION}")
print("E   AssertionError: {INJECTION}")
sys.exit(1)
"""
GREEN = '<testsuite tests="1000" failures="0" errors="0"><testcase classname="all" name="is_well"/></testsuite>'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefghi", "bcdefghij", strict=True))
    + '<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + '<testsuite><testcase name="&j;"><failure>&x;</failure></testcase></testsuite>'
)


@pytest.fixture(scope="module")
def attacked(server: Delta, tmp_path_factory: pytest.TempPathFactory) -> Any:
    repository = tmp_path_factory.mktemp("hostile")
    git(repository, "init", "--quiet", "--initial-branch=main")
    reach = REACH.replace("STATE", repr(str(server.state_dir)))
    for name, content in {
        ".delta.yml": CONFIG,
        "reach.py": reach,
        "imitate.py": IMITATE,
        "green.xml": GREEN,
        "bomb.xml": BOMB,
    }.items():
        (repository / name).write_text(content)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", f"--message={INJECTION}")
    return as_json(server.command("run", str(repository), "--json"))


def log(server: Delta, run: Any, job: str) -> str:
    return str(server.client.get(f"/v1/runs/{run['id']}/jobs/{job}/log").text)


def job(run: Any, name: str) -> Any:
    return next(each for each in run["jobs"] if each["id"] == name)


def test_it_reaches_neither_docker_nor_redis_nor_ray_nor_the_metadata_address(server: Delta, attacked: Any) -> None:
    said = log(server, attacked, "reach")
    assert "tried everything []" in said
    assert "REACHED" not in said
    token = (server.state_dir / "api.token").read_text()
    assert token not in said


def test_a_report_that_claims_all_is_well_changes_no_verdict(attacked: Any) -> None:
    assert job(attacked, "claim")["state"] == "failed"
    assert job(attacked, "claim")["explanation"]["finding"]["failing_tests"] == []


def test_entities_of_a_report_are_not_expanded(server: Delta, attacked: Any) -> None:
    exploded = job(attacked, "explode")
    assert exploded["state"] == "failed"
    assert "root:" not in str(attacked)
    assert len(str(exploded)) < 100_000
    assert server.client.get("/readyz").status_code == 200


def test_lines_that_imitate_deltas_are_the_jobs(server: Delta, attacked: Any) -> None:
    chunks = server.client.get(f"/v1/runs/{attacked['id']}/jobs/imitate/log?follow=1").text
    [imitated] = [line for line in chunks.splitlines() if "DELTA: all jobs passed" in line]
    assert '"source":"job"' in imitated
    assert job(attacked, "imitate")["state"] == "failed"


def test_nothing_of_it_comes_alive_in_the_comment(attacked: Any) -> None:
    comment = attacked["comment"]
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", comment, flags=re.DOTALL)  # what Markdown shows as it is
    for alive in ("@everyone", "<script", "](https://evil", "![x]", "</details></details>"):
        assert alive not in outside.replace("\u200b", "?")
    assert "\x1b" not in comment


def test_nothing_of_it_reaches_a_terminal(server: Delta, attacked: Any, tmp_path: Path) -> None:
    del attacked
    repository = tmp_path / "hostile"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    (repository / ".delta.yml").write_text("version: 1\njobs:\n  imitate:\n    run: python3 imitate.py\n")
    (repository / "imitate.py").write_text(IMITATE)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=\x1b[2Jcleared")
    done = server.command("run", str(repository))
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "evil.example\x07" not in done.stdout
