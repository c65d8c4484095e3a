from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster.host.dockerd import configuration
from cluster.host.paths import HostPaths
from cluster.host.runtime import is_recent


@pytest.mark.parametrize(
    ("version", "recent"),
    [
        ("runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n", False),  # Debian 12
        ("runsc version 0.0~20240729.0\nspec: 1.0.2-dev\n", True),  # its backports
        ("runsc version release-20250407.0\nspec: 1.1.0-rc.1\n", True),  # gVisor's own
        ("runsc version release-20231218.0\n", False),
        ("runsc version 0.0.0\n", False),
        ("", False),
    ],
)
def test_a_release_counts_by_its_day(version: str, recent: bool) -> None:
    assert is_recent(version) is recent


def test_the_managed_engine_touches_no_network_and_no_other_engine(tmp_path: Path) -> None:
    told = configuration(HostPaths.read({"DELTA_HOST_DIR": str(tmp_path)}), "/opt/runsc")
    assert told["bridge"] == "none"
    for switch in ("iptables", "ip6tables", "ip-forward", "ip-masq", "userland-proxy"):
        assert told[switch] is False
    assert told["hosts"] == [f"unix://{tmp_path}/run/docker.sock"]
    assert told["containerd-namespace"] not in ("moby", "plugins.moby")
    for place in ("data-root", "exec-root", "pidfile"):
        assert str(told[place]).startswith(str(tmp_path))
    assert told["runtimes"] == {
        "delta-runsc": {"path": "/opt/runsc", "runtimeArgs": ["--network=none", "--host-uds=open"]}
    }


def test_the_paths_of_root_are_system_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    paths = HostPaths.read({})
    assert (paths.data_root, paths.url) == (Path("/var/lib/delta/docker"), "unix:///run/delta/docker.sock")


def test_the_paths_of_an_ordinary_user_are_that_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    paths = HostPaths.read({"XDG_STATE_HOME": "/home/ada/state", "XDG_RUNTIME_DIR": "/run/user/1000"})
    assert paths.image_lock == Path("/run/user/1000/delta-run/image.lock")
    assert paths.state == Path("/home/ada/state/delta/host")
