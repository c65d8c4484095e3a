"""Facts about the repository itself that other parts rely on."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
RAY_CLUSTER: dict[str, Any] = YAML(typ="safe").load((ROOT / "ray-cluster.yaml").read_text())


@pytest.mark.parametrize("name", ["actors", "api", "sandbox", "models", "cluster"])
def test_a_root_package_name_means_the_folder_of_this_repository(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT / name)


def requirements() -> list[str]:
    return [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]


def test_every_dependency_is_pinned_and_locked_to_the_same_version() -> None:
    for requirement in requirements():
        name, version = re.fullmatch(r"([a-zA-Z0-9.-]+)(?:\[[a-z-]+\])?==(\S+)", requirement, re.ASCII).groups()  # type: ignore[union-attr]  # a requirement that is not pinned fails here
        if name != "torch":
            assert f"\n{name.replace('.', '-')}=={version} \\\n" in f"\n{LOCK}", f"{requirement}: run `make lock`"


def test_the_lock_names_no_host_no_path_and_no_cuda() -> None:
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links|(^|\s)/", LOCK)
    assert not re.search(r"^(torch|triton|nvidia-|cuda-)", LOCK, re.MULTILINE)


def test_every_dependency_has_its_reason_in_the_docs() -> None:
    rows: dict[str, str] = {}
    for line in (ROOT / "docs" / "dependencies.md").read_text().splitlines():
        if line.count("|") == 4:
            names, versions, reason = (cell.strip() for cell in line.strip("|").split("|"))
            assert reason
            rows.update(zip(names.split(", "), versions.split(", "), strict=True))
    for requirement in requirements():
        name, version = requirement.split("==")
        assert rows.get(name) == version, f"docs/dependencies.md does not say why {requirement}"


def test_the_ray_cluster_is_valid_for_ray() -> None:
    validate_config(RAY_CLUSTER)
    validate_config(prepare_config(RAY_CLUSTER))


def test_the_ray_cluster_keeps_hostile_code_off_the_head() -> None:
    types = RAY_CLUSTER["available_node_types"]
    assert RAY_CLUSTER["head_node_type"] == "head"
    assert "gvisor" not in types["head"]["resources"]
    assert types["gvisor_worker"]["resources"]["gvisor"] >= 1


def test_every_node_is_set_up_by_the_script_that_make_setup_runs() -> None:
    (place,) = RAY_CLUSTER["file_mounts"]
    assert RAY_CLUSTER["setup_commands"] == [f"sudo {place}/cluster/host/setup.sh"]
    assert "SETUP := cluster/host/setup.sh" in (ROOT / "Makefile").read_text()
    assert (ROOT / "cluster/host/setup.sh").stat().st_mode & 0o111


@pytest.mark.parametrize(
    "key",
    ["auth", "cluster_synced_files", "file_mounts", "head_setup_commands", "initialization_commands",
     "setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"],
)  # fmt: skip
def test_keys_that_ray_reads_without_a_default_are_spelled_out(key: str) -> None:
    assert key in RAY_CLUSTER
