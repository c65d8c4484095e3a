"""What a job finds when it looks around, and what it cannot do, on real gVisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import docker
import pytest
from docker.models.containers import ContainerCollection as Containers

from models.result import Cause, Outcome
from models.settings import SandboxSettings
from sandbox.probe import probe
from sandbox.spec import SandboxSpec

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory


def test_the_probe_finds_everything_sealed(docker_url: str, image: str) -> None:
    seen = probe(docker_url, image)
    assert "Starting gVisor" in seen.kernel_banner
    assert seen.interfaces == ("lo",)
    assert seen.root_read_only
    assert seen.uid == 1000
    assert seen.sealed


def test_the_probe_tells_when_it_is_not_gvisor(docker_url: str, image: str) -> None:
    seen = probe(docker_url, image, runtime="runc")
    assert not seen.gvisor
    assert not seen.sealed


def test_a_runtime_that_only_bears_gvisors_name_is_refused(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `delta-runsc` stood for another program: nothing of the job runs."""
    real = SandboxSpec.model_fields["runtime"].default
    make = Containers.create

    def under_runc(containers: Containers, **options: Any) -> Any:
        assert options["runtime"] == real
        return make(containers, **{**options, "runtime": "runc"})

    monkeypatch.setattr(Containers, "create", under_runc)
    result = lab.run("echo hello")
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED)
    assert "'delta-runsc' is not gVisor" in result.detail
    assert lab.output == ""


def test_a_sandbox_without_its_limit_of_processes_is_not_used(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Containers.create

    def unlimited(containers: Containers, **options: Any) -> Any:
        return make(containers, **{**options, "entrypoint": ["/bin/sh", "-c", "sleep infinity & wait"]})

    monkeypatch.setattr(Containers, "create", unlimited)
    result = lab.run("echo hello")
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.SANDBOX)
    assert "limit of processes could not be set" in result.detail
    assert lab.output == ""


def test_a_job_has_no_capabilities_and_cannot_gain_any(lab: Laboratory) -> None:
    lab.run("grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status; grep NoNewPrivs /proc/self/status || true")
    assert lab.output.count("0000000000000000") == 3


def test_a_job_cannot_end_its_own_sandbox(lab: Laboratory) -> None:
    result = lab.run("kill -9 1 && echo killed; kill -9 -1 || true", "echo still there")
    assert result.outcome is Outcome.PASSED
    assert "killed" not in lab.output
    assert "still there" in lab.output


def test_nothing_secret_is_in_the_environment_that_every_process_can_read(lab: Laboratory) -> None:
    """gVisor lets a job read PID 1's environment: it must hold nothing but the image's."""
    lab.run("tr '\\0' '\\n' < /proc/1/environ | cut -d= -f1 | sort | tr '\\n' ' '")
    names = set(lab.output.split())
    assert names <= {
        "HOME",
        "HOSTNAME",
        "LANG",
        "PATH",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_NO_INPUT",
        "PYTHONUNBUFFERED",
    }


def test_a_job_finds_neither_dockers_socket_nor_the_host(lab: Laboratory) -> None:
    result = lab.run(
        "test ! -e /var/run/docker.sock; test ! -e /run/docker.sock; cat /etc/hostname; ls /workspace | wc -l"
    )
    assert result.outcome is Outcome.PASSED
    assert lab.output == "sandbox\n0\n"


def test_an_image_with_volumes_is_refused(lab: Laboratory) -> None:
    """A volume would be a folder of the node that a job can write to without limit."""
    client = docker.DockerClient(base_url=lab.docker_url)
    tag = f"delta/test-volume:{lab.installation}"
    lab.tree = {"file": b"x"}
    with lab.source() as root:
        client.api.import_image_from_data(root.read(), repository=tag, changes=["VOLUME /data"])
    try:
        lab.image = tag
        result = lab.run("true")
    finally:
        client.images.remove(tag)
        client.close()
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED)
    assert "/data" in result.detail


def test_a_job_cannot_reach_any_address(lab: Laboratory) -> None:
    lab.tree = {
        "reach.py": b"import socket\n"
        b"for address in ('169.254.169.254', '127.0.0.1', '10.0.0.1', '8.8.8.8', '172.17.0.1'):\n"
        b"    try:\n"
        b"        socket.create_connection((address, 80), timeout=2)\n"
        b"        print('reached', address)\n"
        b"    except OSError as error:\n"
        b"        print('refused', error.errno)\n"
    }
    lab.run("python3 reach.py")
    assert lab.output.count("refused") == 5
    assert "reached" not in lab.output


def test_only_the_tmpfs_folders_can_be_written(lab: Laboratory) -> None:
    lab.run(
        "touch /workspace/a /tmp/a ~/a && echo yes",
        "for d in / /usr /etc /bin /var/tmp; do touch $d/a && echo no; done; true",
    )
    assert "yes" in lab.output
    assert "no\n" not in lab.output


def test_a_job_cannot_raise_its_limit_of_processes(lab: Laboratory) -> None:
    lab.run(
        "cat /sys/fs/cgroup/pids/pids.max; echo max > /sys/fs/cgroup/pids/pids.max && echo raised; true",
        resources={"pids": 100},
    )
    assert lab.output.startswith("100\n")
    assert "raised" not in lab.output


def test_a_fork_bomb_meets_its_limit_and_the_sandbox_lives_on(lab: Laboratory) -> None:
    lab.tree = {
        "bomb.py": b"import os, time\n"
        b"count = 0\n"
        b"try:\n"
        b"    while count < 1000:\n"
        b"        if os.fork() == 0:\n"
        b"            time.sleep(600)\n"
        b"            os._exit(0)\n"
        b"        count += 1\n"
        b"except BlockingIOError:\n"
        b"    print('refused after', count, flush=True)\n"
    }
    result = lab.run("python3 bomb.py", "echo still alive", resources={"pids": 64})
    assert "refused after" in lab.output
    # gVisor lets a few more through than it was told (55 of 50 and 67 of 64 were seen)
    assert int(lab.output.split("refused after ")[1].split()[0]) < 2 * 64
    assert result.outcome in {Outcome.PASSED, Outcome.FAILED}


def test_a_sandbox_that_dies_as_a_whole_is_an_error_and_not_a_hang(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a host limit that gVisor itself cannot live with, its processes vanish without closing their streams."""
    monkeypatch.setattr("sandbox.options.HOST_TASKS_PER_PROCESS", 0)
    monkeypatch.setattr("sandbox.options.HOST_TASKS_OF_GVISOR", 80)
    result = lab.run("for n in $(seq 200); do sleep 600 & done; wait", timeout_s=120)
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.SANDBOX)
    assert "ended by itself" in result.detail


def test_orphans_are_collected(lab: Laboratory) -> None:
    """Given many short-lived orphans, more than the limit of processes, hardly any is left as a zombie."""
    orphans = "for n in $(seq 150); do (true & ) ; done"
    result = lab.run(orphans, "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l || true", resources={"pids": 64})
    assert result.outcome is Outcome.PASSED
    assert int(lab.output.split()[-1]) < 10


def test_a_flood_of_output_is_bounded_with_its_head_and_tail(lab: Laboratory) -> None:
    lab.settings = SandboxSettings(log_limit_mb=1)
    result = lab.run("echo the head; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo the tail")
    assert result.outcome is Outcome.PASSED
    assert lab.output.startswith("the head\n")
    assert lab.output.endswith("the tail\n")
    assert len(lab.output) <= 1024 * 1024
    assert "bytes of output left out here" in lab.told


def test_output_that_is_not_utf8_is_replaced(lab: Laboratory) -> None:
    lab.run(r"printf 'a\377b\303\n'; printf '\303'; printf '\244\n'")
    assert lab.output == "a\ufffdb\ufffd\nä\n"


def test_a_job_can_build_and_run_what_it_writes(lab: Laboratory) -> None:
    lab.tree = {"test_x.py": b"def test_x() -> None:\n    assert 1 + 1 == 2\n"}
    result = lab.run(
        "python3 -m venv --system-site-packages ~/env", "~/env/bin/python -m pytest -q -p no:cacheprovider"
    )
    assert result.outcome is Outcome.PASSED, lab.output
    assert "1 passed" in lab.output
