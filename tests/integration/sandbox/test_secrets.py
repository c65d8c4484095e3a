"""Secrets on real gVisor: they reach the step that names them, and nothing and nobody else."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from docker.api.client import APIClient
from docker.models.containers import ContainerCollection
from pydantic import SecretStr

from models.errors import InternalError
from models.job import CacheSpec, SecretUse, Step
from models.result import Cause, Outcome
from sandbox.container import Sandbox

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory

KEY = 'it\'s a "$ecret"\nof two lines ∑ \x81\x88\n'
TOKEN = "tok-4f6a9c2e7b18d035"

VARIABLE = Step(secrets=(SecretUse(name="KEY"),))
FILE = Step(secrets=(SecretUse(name="KEY", as_file=True),))
BOTH = Step(secrets=(SecretUse(name="TOKEN"), SecretUse(name="KEY", as_file=True)))
NONE = Step()

ASK = b"""
import urllib.error, urllib.request
try:
    urllib.request.urlopen("http://elsewhere.example/")
except urllib.error.HTTPError as error:
    print(error.code)
"""

# Says whether the value is the right one without saying it.
DIGEST = 'printf %s "$KEY" | sha256sum | cut -c1-16'


@pytest.fixture
def lab(lab: Laboratory) -> Laboratory:
    lab.secrets = {"KEY": SecretStr(KEY), "TOKEN": SecretStr(TOKEN)}
    return lab


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def test_a_variable_arrives_as_it_was_set_in_its_step_alone(lab: Laboratory) -> None:
    look = 'echo "${KEY-nothing}"'
    result = lab.run(look, DIGEST, look, steps=(NONE, VARIABLE, NONE))
    assert result.outcome is Outcome.PASSED, lab.told
    assert lab.output == f"nothing\n{digest(KEY)}\nnothing\n"
    assert "step 2 of 3 gets these secrets: KEY\n" in lab.told


def test_the_first_step_gets_its_own_too_and_the_tree_is_there(lab: Laboratory) -> None:
    lab.tree = {"a": b"source\n"}
    result = lab.run(f"cat a; {DIGEST}", steps=(VARIABLE,))
    assert result.outcome is Outcome.PASSED, lab.told
    assert lab.output == f"source\n{digest(KEY)}\n"


def test_a_file_is_the_users_alone_and_gone_after_its_step(lab: Laboratory) -> None:
    inside = 'cd /dev/shm/*; stat -c "%a %u" "$KEY"; stat -c %a .; sha256sum < "$KEY" | cut -c1-16; ls; cd /workspace'
    result = lab.run(
        f'{inside}; echo "$KEY" > where; [ "$TOKEN" ]',
        "cat $(cat where) 2>&1 || ls -A /dev/shm",
        steps=(BOTH, NONE),
    )
    assert result.outcome is Outcome.PASSED, lab.told
    told = lab.output.splitlines()
    assert told[:4] == ["600 1000", "700", digest(KEY), "KEY"]
    assert "No such file" in told[4]
    assert len(told) == 5


def test_what_a_job_sets_itself_is_as_it_was(lab: Laboratory) -> None:
    """The shell that takes the secrets has variables of its own."""
    mine = {"value": "1", "name": "2", "dir": "3", "found": "4"}
    lab.run('echo "$value$name$dir$found"; env | grep -c _delta || true', steps=(VARIABLE,), env=mine)
    assert lab.output == "1234\n0\n"


def test_a_step_has_variables_and_a_name_of_its_own(lab: Laboratory) -> None:
    lab.run(
        'echo "$A$B"', 'echo "$A$B"', env={"A": "job"}, steps=(Step(name="x\ny", env={"A": "step", "B": "1"}), NONE)
    )
    assert lab.output == "step1\njob\n"
    assert "step 1 of 2 (x\n    y): echo" in lab.told


def test_nothing_of_it_is_in_what_docker_knows(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in what it is told of an exec, nor in what it tells."""
    told: list[str] = []
    real: Any = APIClient.exec_create

    def listen(client: APIClient, container: str, command: list[str], **options: Any) -> Any:
        made = real(client, container, command, **options)
        told.append(json.dumps([command, options, client.exec_inspect(made["Id"])]))
        told.append(json.dumps(client.inspect_container(container)))
        return made

    monkeypatch.setattr(APIClient, "exec_create", listen)
    result = lab.run(DIGEST, DIGEST, steps=(BOTH, VARIABLE))
    assert result.outcome is Outcome.PASSED, lab.told
    assert len(told) >= 8
    text = "\n".join(told)
    assert "KEY" in text
    assert TOKEN not in text
    assert "of two lines" not in text


def test_the_log_and_the_result_are_masked(lab: Laboratory) -> None:
    spoken = 'echo "plain $TOKEN"; echo "$TOKEN" | base64; echo -n "x$TOKEN" | base64; set -x; : "$TOKEN"; echo "$KEY"'
    result = lab.run(f"{spoken}; echo {TOKEN}; exit 3", steps=(Step(secrets=BOTH.secrets[:1] + VARIABLE.secrets),))
    assert result.outcome is Outcome.FAILED
    assert "***" in result.detail
    everything = f"{lab.output}{lab.told}{result.model_dump_json()}"
    assert TOKEN not in everything
    assert "of two lines" not in everything
    assert "plain ***\n" in lab.output


def test_reports_are_masked_and_artifacts_named_after_a_secret_are_refused(lab: Laboratory) -> None:
    result = lab.run(
        'echo "<a>$TOKEN</a>" > junit.xml; echo "$TOKEN" > kept; touch "name-$TOKEN"',
        steps=(BOTH,),
        junit=("*.xml",),
        artifacts=("*",),
    )
    content = {each.path: lab.blobs.content[each.blob] for each in result.artifacts}
    assert content == {"junit.xml": b"<a>***</a>\n", "kept": f"{TOKEN}\n".encode()}
    assert {each.path: each.size_bytes for each in result.artifacts}["junit.xml"] == 11
    assert "name-***: there is a secret in its path" in result.refused_artifacts
    assert TOKEN not in lab.told


def test_processes_live_on_only_between_steps_of_the_same_secrets(lab: Laboratory) -> None:
    leave = "sleep 301 > /dev/null 2>&1 &"
    alive = "{ grep -lz '^30[1]$' /proc/[0-9]*/cmdline || true; } | wc -l"
    lab.run(leave, alive, f"{alive}; {leave}", alive, alive, steps=(NONE, NONE, VARIABLE, VARIABLE, NONE))
    assert lab.output.split() == ["1", "0", "1", "0"]


def test_a_step_that_is_not_given_what_it_asks_for_does_not_run(lab: Laboratory) -> None:
    lab.secrets = {}
    with pytest.raises(InternalError, match="was not given its secret KEY"):
        lab.run("echo ran", steps=(VARIABLE,))
    assert "ran" not in lab.output


def test_a_sandbox_that_is_not_gvisor_is_given_nothing(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    make: Any = ContainerCollection.create
    called: list[Any] = []
    real = Sandbox.exec

    def under_runc(containers: ContainerCollection, **options: Any) -> Any:
        return make(containers, **{**options, "runtime": "runc"})

    def listen(sandbox: Sandbox, argv: Any, **options: Any) -> Any:
        called.append(argv)
        return real(sandbox, argv, **options)

    monkeypatch.setattr(ContainerCollection, "create", under_runc)
    monkeypatch.setattr(Sandbox, "exec", listen)
    result = lab.run("echo ran", steps=(VARIABLE,))
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED)
    assert "is not gVisor" in result.detail
    assert len(called) == 1  # which checks before it unpacks


def test_a_secret_that_is_printed_in_two_pieces_is_masked(lab: Laboratory) -> None:
    lab.run('printf "%s" "${TOKEN:0:10}"; sleep 0.5; printf "%s\\n" "${TOKEN:10}"', steps=(BOTH,))
    assert lab.output == "***\n"


def test_the_way_to_the_egress_proxy_is_there_again_after_processes_were_ended(lab: Laboratory) -> None:
    lab.tree = {"ask.py": ASK}
    ask = "python3 ask.py"
    lab.run(ask, ask, ask, steps=(NONE, VARIABLE, NONE), egress=("allowed.example",))
    assert lab.output.split() == ["403"] * 3


def test_a_cache_with_a_secret_in_it_is_not_saved(lab: Laboratory) -> None:
    """A fork reads the caches of the main branch."""
    spoiled = CacheSpec(key="1" * 64, paths=("~/.npmrc",))
    clean = CacheSpec(key="2" * 64, paths=("packages",))
    steps = 'echo "token=$TOKEN" > ~/.npmrc; mkdir packages; echo code > packages/a'
    result = lab.run(steps, steps=(BOTH,), caches=(spoiled, clean))
    assert result.outcome is Outcome.PASSED, lab.told
    assert [each.key for each in result.saved] == [clean.key]
    assert "cache not saved: ~/.npmrc: one of the job's secrets lies in it" in lab.told
    assert [TOKEN.encode() in content for content in lab.caches.content.values()] == [False]
