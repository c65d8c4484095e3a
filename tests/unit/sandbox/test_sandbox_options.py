"""Each promise of the sandbox is one of Docker's options: one test an option, so that none is lost unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.ids import JobId
from models.job import JobSpec, Resources
from models.settings import SandboxSettings
from sandbox.door import Door
from sandbox.options import container_options
from sandbox.spec import SandboxSpec, sandbox_spec
from sandbox.unavailable import SandboxUnavailableError

MIB = 1024 * 1024


def spec_of(unsafe_runtime: str = "", **resources: Any) -> SandboxSpec:
    job = JobSpec(id=JobId("unit"), run=("true",), resources=Resources(**resources))
    settings = SandboxSettings(unsafe_runtime=unsafe_runtime)
    return sandbox_spec(job, image="delta/x:1", installation="here", settings=settings)


def options(unsafe_runtime: str = "", **resources: Any) -> dict[str, Any]:
    return container_options(spec_of(unsafe_runtime, **resources))


def test_the_runtime_is_gvisor_unless_settings_say_otherwise() -> None:
    assert options()["runtime"] == "delta-runsc"
    assert not spec_of().unsafe


def test_runc_is_used_only_where_it_is_named_and_then_called_unsafe() -> None:
    assert options(unsafe_runtime="runc")["runtime"] == "runc"
    assert spec_of(unsafe_runtime="runc").unsafe


def test_an_unknown_runtime_is_refused_with_what_to_set() -> None:
    with pytest.raises(SandboxUnavailableError, match=r"kata.*leave it empty for gVisor"):
        spec_of(unsafe_runtime="kata")


def test_there_is_no_network() -> None:
    assert options()["network_mode"] == "none"


def test_the_root_is_read_only() -> None:
    assert options()["read_only"] is True


def test_all_capabilities_are_dropped_and_none_is_added() -> None:
    assert options()["cap_drop"] == ["ALL"]
    assert "cap_add" not in options()
    assert "privileged" not in options()


def test_no_new_privileges() -> None:
    assert "no-new-privileges" in options()["security_opt"]


def test_nothing_of_the_host_is_mounted() -> None:
    assert not {"volumes", "mounts", "volumes_from", "devices", "binds"} & set(options())


def test_a_door_is_the_only_thing_that_is_mounted_and_read_only() -> None:
    [mount] = container_options(spec_of(), Door(Path("/state/doors/node/ab12")))["mounts"]
    assert (mount["Type"], mount["Source"], mount["Target"]) == ("bind", "/state/doors/node/ab12", "/run/delta")
    assert mount["ReadOnly"] is True


def test_only_a_job_with_egress_asks_for_a_door() -> None:
    settings = SandboxSettings()
    for egress, door in (((), False), (("pypi.org",), True)):
        job = JobSpec(id=JobId("unit"), run=("true",), egress=egress)
        assert sandbox_spec(job, image="i", installation="here", settings=settings).door is door


def test_no_namespace_is_shared() -> None:
    assert options()["ipc_mode"] == "private"
    assert not {"pid_mode", "uts_mode", "userns_mode", "cgroup_parent"} & set(options())


def test_pid_1_is_not_the_jobs_and_not_the_hosts_root() -> None:
    assert options()["user"] == "0:0"  # gVisor's, and without any capability
    assert options(unsafe_runtime="runc")["user"] == "65534:65534"


def test_pid_1_sets_gvisors_limit_of_processes_collects_orphans_and_never_ends() -> None:
    shell = ["/bin/sh", "-c"]
    assert options(pids=99)["entrypoint"] == [*shell, "echo 99 > /sys/fs/cgroup/pids/pids.max; sleep infinity & wait"]
    assert options(unsafe_runtime="runc")["entrypoint"] == [*shell, "sleep infinity & wait"]
    assert options()["command"] == []


def test_the_workspace_is_the_jobs_own_tmpfs_of_the_asked_size() -> None:
    mount = options(workspace_mb=512)["tmpfs"]["/workspace"].split(",")
    assert {"size=512m", "uid=1000", "gid=1000", "mode=0755", "exec", "nosuid", "nodev"} == set(mount)


def test_the_home_folder_is_the_jobs_own_and_half_as_large() -> None:
    mount = options(workspace_mb=512)["tmpfs"]["/home/runner"].split(",")
    assert {"size=256m", "uid=1000", "gid=1000", "mode=0700", "exec", "nosuid", "nodev"} == set(mount)


def test_tmp_is_a_tmpfs_for_all() -> None:
    mount = options(workspace_mb=512)["tmpfs"]["/tmp"].split(",")
    assert {"size=256m", "mode=1777", "exec", "nosuid", "nodev"} == set(mount)


def test_memory_is_limited_and_there_is_no_swap() -> None:
    assert options(memory_mb=300)["mem_limit"] == 300 * MIB
    assert options(memory_mb=300)["memswap_limit"] == 300 * MIB


def test_cpu_time_is_limited() -> None:
    assert options(cpus=1.5)["nano_cpus"] == 1_500_000_000


def test_the_hosts_limit_of_tasks_leaves_room_for_gvisor_and_equals_the_jobs_without_it() -> None:
    assert options(pids=100)["pids_limit"] == 4 * 100 + 1024
    assert options(unsafe_runtime="runc", pids=100)["pids_limit"] == 100


def test_no_core_dumps_and_a_bounded_number_of_files() -> None:
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in options()["ulimits"]}
    assert limits == {"core": (0, 0), "nofile": (16_384, 16_384)}


def test_docker_keeps_no_log() -> None:
    assert options()["log_config"]["Type"] == "none"


def test_an_images_own_health_check_does_not_run() -> None:
    assert options()["healthcheck"] == {"test": ["NONE"]}


def test_labels_say_whose_it_is() -> None:
    assert options()["labels"] == {"delta.installation": "here"}


def test_the_hosts_name_is_not_told() -> None:
    assert options()["hostname"] == "sandbox"


def test_a_node_out_of_memory_takes_sandboxes_first() -> None:
    assert options()["oom_score_adj"] == 500
