"""What set-up would install, say and leave alone, on machines of every kind."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from cluster.host import debian
from cluster.host.debian import Host, as_typed, installs, no_service_starts, refusal
from cluster.host.programs import find

ALL = ("docker.io", "redis-server", "mmdebstrap", "git", "runsc", "python3-venv")


def host(**changed: object) -> Host:
    fresh: dict[str, object] = {
        "missing": ALL,
        "codename": "bookworm",
        "has_apt": True,
        "has_daemon_json": False,
        "has_systemctl": True,
        "is_root": True,
        "user": "ada",
        "engine_runtimes": None,
    }
    return Host(**{**fresh, **changed})  # type: ignore[arg-type]  # a test's table of fields


def test_a_ready_machine_needs_nothing() -> None:
    assert installs(host(missing=())) == []
    assert refusal(host(missing=(), is_root=True)) == []
    assert refusal(host(missing=(), is_root=False, engine_runtimes=("runc", "delta-runsc"))) == []


def test_gvisor_comes_from_backports_on_bookworm_and_only_there() -> None:
    steps = installs(host(missing=("runsc",)))
    assert steps[0].startswith(
        "echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org"
    )
    assert steps[-1].endswith("-t bookworm-backports runsc")
    later = installs(host(missing=("runsc",), codename="trixie"))
    assert not any("backports" in step for step in later)
    assert later[-1].endswith(" runsc")


def test_other_packages_do_not_come_from_backports() -> None:
    step = next(step for step in installs(host()) if "docker.io" in step and "apt-get" in step)
    assert "backports" not in step
    assert shlex.split(step)[-5:] == ["docker.io", "redis-server", "mmdebstrap", "git", "python3-venv"]


def test_apt_never_asks_and_waits_for_others() -> None:
    for step in installs(host()):
        if "apt-get install" in step:
            assert step.startswith("DEBIAN_FRONTEND=noninteractive ")
            assert "--yes" in step
            assert "Acquire::Retries=3" in step
            assert "DPkg::Lock::Timeout=300" in step


def test_a_new_docker_knows_gvisor_before_it_first_starts() -> None:
    steps = installs(host())
    written = next(index for index, step in enumerate(steps) if "daemon.json" in step)
    installed = next(index for index, step in enumerate(steps) if "docker.io" in step)
    assert written < installed
    content = json.loads(shlex.split(steps[written])[-3])
    assert content == {
        "runtimes": {"delta-runsc": {"path": "/usr/bin/runsc", "runtimeArgs": ["--network=none", "--host-uds=open"]}}
    }


@pytest.mark.parametrize("changed", [{"has_daemon_json": True}, {"missing": ("git",)}])
def test_a_configuration_that_is_there_or_not_ours_is_never_written(changed: dict[str, object]) -> None:
    assert not any("daemon.json" in step for step in installs(host(**changed)))


def test_the_system_redis_is_switched_off_only_where_set_up_installed_it() -> None:
    assert "systemctl disable redis-server" in installs(host())
    assert not any("systemctl" in step for step in installs(host(missing=("git",))))


def test_an_ordinary_user_gets_the_commands_and_nothing_is_touched() -> None:
    told = refusal(host(is_root=False))
    assert "you are not root" in told[0]
    commands = [line.strip() for line in told if line.startswith("  ")]
    assert all(command.startswith("sudo ") for command in commands)
    assert "sudo runsc install --runtime=delta-runsc -- --network=none --host-uds=open" in commands
    assert "sudo usermod -aG docker ada" in commands
    shell = next(shlex.split(command) for command in commands if "mmdebstrap" in command)
    assert shell[:3] == ["sudo", "sh", "-c"]


def test_an_ordinary_user_whose_engine_lacks_gvisor_registers_it_and_nothing_else() -> None:
    told = refusal(host(missing=(), is_root=False, engine_runtimes=("runc",)))
    assert [line.strip() for line in told if line.startswith("  ")] == [
        "sudo runsc install --runtime=delta-runsc -- --network=none --host-uds=open",
        "sudo systemctl restart docker",
    ]


def test_root_installs_nothing_beside_a_foreign_engine_but_says_what() -> None:
    told = refusal(host(missing=("runsc",), engine_runtimes=("runc",)))
    assert "already runs" in told[0]
    assert any("-t bookworm-backports runsc" in line for line in told)
    assert not any("sudo" in line for line in told)


def test_root_with_all_parts_goes_on_beside_a_foreign_engine() -> None:
    assert refusal(host(missing=(), engine_runtimes=("runc",))) == []


def test_without_apt_the_packages_are_named() -> None:
    told = refusal(host(has_apt=False))
    assert len(told) == 1
    assert all(name in told[0] for name in ALL)


def test_root_types_the_step_itself() -> None:
    assert as_typed("systemctl restart docker", host(is_root=True)) == "systemctl restart docker"


def test_no_service_starts_while_packages_install(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with no_service_starts(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 101\n"
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_an_administrators_policy_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("mine")
    with no_service_starts(policy):
        assert policy.read_text() == "mine"
    assert policy.read_text() == "mine"


def test_a_broken_foreign_source_does_not_stop_the_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(debian, "UPDATE", "exit 100")
    reached = tmp_path / "reached"
    assert debian.install(["exit 100", f"touch {reached}"])
    assert reached.exists()


def test_a_package_that_cannot_be_installed_does(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    reached = tmp_path / "reached"
    assert not debian.install(["exit 3", f"touch {reached}"])
    assert not reached.exists()
    assert "This command failed (3): exit 3" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("unix:///run/user/1000/docker.sock", "/run/user/1000/docker.sock"),
        ("", "/var/run/docker.sock"),
        ("tcp://192.0.2.1:2375", "/var/run/docker.sock"),
    ],
)
def test_the_users_own_engine_is_asked(monkeypatch: pytest.MonkeyPatch, told: str, asked: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", told)
    assert debian.engine_socket() == asked


def test_no_engine_answers_at_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert debian.engine_runtimes(str(tmp_path / "none.sock")) is None


def test_a_program_of_the_system_is_found_without_sbin_in_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find("ldconfig")  # libc's own, in /sbin on every Debian
    assert found is not None
    assert found.endswith("sbin/ldconfig")
    assert find("no-such-program") is None


def test_what_only_tests_need_is_looked_for_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "find", lambda command: None if command == "npm" else f"/usr/bin/{command}")
    assert "npm" not in debian.look().missing
    assert "npm" in debian.look(debian.COMMANDS | debian.TEST_COMMANDS).missing
