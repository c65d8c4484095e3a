"""The operator's file, and what of a plan it decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.planner.policy import read_policy
from models.errors import InfrastructureError
from models.policy import REGISTRIES, EgressPolicy, Policy

WHOLE = """\
version: 1
egress: {allow: [PyPI.org, "*.example.com"]}
images: ["runner-*"]
secrets:
  DEPLOY_KEY: {jobs: [deploy]}
limits: {cpus: 8, memory_mb: 16384, timeout_s: 7200}
"""


def read(folder: Path, text: str) -> Policy:
    (folder / "policy.yml").write_text(text)
    return read_policy(folder / "policy.yml")


def test_every_key_arrives(tmp_path: Path) -> None:
    policy = read(tmp_path, WHOLE).server
    assert policy.egress is not None
    assert policy.egress.allow == ("pypi.org", "*.example.com")
    assert policy.images == ("runner-*",)
    assert policy.secrets["DEPLOY_KEY"].jobs == ("deploy",)
    assert (policy.limits.cpus, policy.limits.memory_mb, policy.limits.timeout_s) == (8, 16384, 7200)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n"])
def test_without_a_word_the_defaults_hold(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Policy()
    assert read_policy(tmp_path / "nowhere.yml").server.egress == EgressPolicy(allow=REGISTRIES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("egres: {}\n", 'policy.yml:1:1: the file has no key "egres"; did you mean "egress"?'),
        ("egress: {alow: []}\n", '"alow"; did you mean "allow"?'),
        ("egress: {allow: [10.0.0.1]}\n", "not a host name"),
        ("secrets: {KEY: {job: [x]}}\n", 'has no key "job"; did you mean "jobs"?'),
        ("limits: {cpus: many}\n", "policy.yml:1:10"),
        ("- a list\n", "policy.yml:1:1"),
        ("a: b: c", "not valid YAML"),
    ],
)
def test_one_that_is_not_understood_stops_planning_and_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InfrastructureError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)
