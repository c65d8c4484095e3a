"""`delta secret` and a run that uses one, on a whole installation: what is kept and told holds no value."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.embedded.ray_head import RayHead
from tests.e2e.repositories import example, git
from tests.e2e.server import Delta, as_json, delta

VALUE = "tok-4f6a9c2e7b18d035"
CONFIG = """
version: 1
jobs:
  deploy:
    steps:
      - {run: "echo from step one: $KEY-", name: before}
      - {run: "test $KEY = $(cat $FILE) && echo the key is $KEY and && echo $KEY | base64", secrets: [KEY, FILE_USE]}
      - {run: "echo from step three: $KEY-"}
"""


@pytest.fixture(scope="module")
def installation(docker_url: str) -> Iterator[Delta]:
    assert docker_url
    with delta() as installation:
        yield installation


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = example(tmp_path / "kitchen")
    (place / ".delta.yml").write_text(CONFIG.replace("FILE_USE", "{name: FILE, file: true}"))
    git(place, "commit", "--all", "--message", "deploy")
    return place


def test_from_the_command_line_into_one_step_and_nowhere_else(installation: Delta, repository: Path) -> None:
    # Without a server: Redis is started for it, and ended.
    said = installation.command("secret", "set", "KEY", typed=f"{VALUE}\n")
    assert (said.returncode, said.stdout) == (0, "set: KEY of all repositories\n"), said.stderr
    short = installation.command("secret", "set", "SHORT", typed="x\n")
    assert short.returncode == 2
    assert "fewer than 8 characters" in short.stderr

    lacking = installation.command("run", str(repository), "--json")
    job = as_json(lacking)["jobs"][0]
    assert (lacking.returncode, job["state"]) == (2, "errored")
    assert f"`delta secret set FILE --repo {repository}`" in job["detail"]

    (repository.parent / "value").write_text(VALUE)
    file = str(repository.parent / "value")
    assert installation.command("secret", "set", "FILE", "--repo", str(repository), "--file", file).returncode == 0
    listed = installation.command("secret", "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["name", "FILE", "KEY"]

    done = installation.command("run", str(repository))
    assert done.returncode == 0, done.stdout
    assert "the key is *** and" in done.stdout
    assert "from step one: -" in done.stdout
    assert "from step three: -" in done.stdout

    assert installation.command("secret", "rotate").returncode == 0
    again = installation.command("run", str(repository), "--json")
    assert again.returncode == 0, again.stdout
    assert installation.command("secret", "remove", "KEY").stdout == "removed: KEY of all repositories\n"
    for said in (short, lacking, listed, done, again):
        assert VALUE not in said.stdout + said.stderr
        assert json.dumps(VALUE) not in said.stdout

    key = installation.state_dir / "secrets.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ray = RayHead(installation.state_dir, installation.state_dir / "run").temp_dir
    files = [file for place in (installation.state_dir, ray) for file in place.rglob("*") if file.is_file()]
    assert {"api.token", "secrets.key"} & {file.name for file in files}
    assert any(file.is_relative_to(ray) and file.suffix == ".err" for file in files)  # what the runners said is there
    assert [file for file in files if VALUE.encode() in file.read_bytes()] == []
