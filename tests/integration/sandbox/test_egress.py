"""A job's way out, as it is meant to be used, on real gVisor."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import docker
import httpx
import pytest

from models.addresses import is_public
from models.ids import AttemptId
from models.result import Cause, Outcome
from models.settings import SandboxSettings
from sandbox.container import Sandbox
from sandbox.door import Doors
from sandbox.egress.outside import World, system_resolver
from sandbox.names import attempt_name
from sandbox.passage import CERTIFICATE_ENVIRONMENT, PROXY_ENVIRONMENT
from sandbox.pool import WarmPool
from sandbox.spec import SandboxSpec
from sandbox.stock import Bounds
from sandbox.sweep import sweep
from tests.integration.sandbox.played_host import PlayedHost

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.sandbox.conftest import Laboratory

PROJECT = "six"
NAMES = ("pypi.org",)
GET = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://pypi.org/\").read().decode())'"


def package_index() -> str:
    """The index that this machine's pip is told to use."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return os.environ.get("PIP_INDEX_URL") or configured or "https://pypi.org/simple"


def hosts_of(index: str) -> tuple[str, ...]:
    """The index's own host, and those that its files are on."""
    page = httpx.get(f"{index.rstrip('/')}/{PROJECT}/", follow_redirects=True, timeout=60).text
    links = [index, *re.findall(r'href="(https?://[^"#]+)', page)]
    return tuple(dict.fromkeys(str(urlsplit(link).hostname) for link in links))


@contextmanager
def without(lab: Laboratory, *files: str) -> Iterator[str]:
    """The laboratory's image without these files."""
    client = docker.DockerClient(base_url=lab.docker_url)
    tag = f"delta/test-without:{lab.installation}"
    repository, version = tag.split(":")
    made = client.api.create_container(
        lab.image, command=["rm", "-f", *files], user="0", host_config={"NetworkMode": "none"}
    )
    try:
        client.api.start(made)
        assert client.api.wait(made)["StatusCode"] == 0
        client.api.commit(made["Id"], repository=repository, tag=version)
        client.api.remove_container(made["Id"])
        yield tag
    finally:
        client.images.remove(tag, force=True)
        client.close()


@pytest.fixture
def out(lab: Laboratory) -> Iterator[Laboratory]:
    """A laboratory in whose world every host says `hi`."""
    host = PlayedHost()
    lab.world = World(lambda *_: ["93.184.216.34"], host.dial)
    yield lab
    host.close()


def test_a_package_is_installed_from_the_index_and_the_record_says_so(lab: Laboratory) -> None:
    """The real thing: through the real resolver, to the index that this machine uses, and nowhere else."""
    index = package_index()
    hosts = hosts_of(index)
    addresses = {address for host in hosts for address in system_resolver(host, 443)}
    private = [address for address in addresses if not is_public(ip_address(address))]
    lab.settings = SandboxSettings(egress_networks=",".join(private))
    result = lab.run(
        f"pip install --no-cache-dir --target there {PROJECT}",
        f"PYTHONPATH=there python3 -c 'import {PROJECT}; print({PROJECT}.__file__)'",
        egress=hosts,
        env={"PIP_INDEX_URL": index},
    )
    assert result.outcome is Outcome.PASSED, lab.output + lab.told
    assert f"/workspace/there/{PROJECT}.py" in lab.output
    assert {use.host for use in result.egress if use.allowed and use.received_bytes > 1000} == set(hosts)
    assert all(use.allowed for use in result.egress)
    assert f"egress: CONNECT {hosts[0]}:443 allowed → " in lab.told


def test_the_same_without_the_hosts_in_egress_fails_and_says_why(lab: Laboratory) -> None:
    result = lab.run(f"pip install --retries 1 --target there {PROJECT}", egress=("elsewhere.example.com",))
    assert result.outcome is Outcome.FAILED
    assert "denied by Delta: not in the job's egress" in lab.output
    assert [(use.host, use.allowed) for use in result.egress] == [("pypi.org", False)]


def test_the_way_stays_open_from_step_to_step_and_in_one_that_was_warm(out: Laboratory) -> None:
    pool = WarmPool(out.docker_url, out.installation, Bounds(1, 1), doors=out.doors)
    try:
        spec = SandboxSpec(image=out.image, installation=out.installation, memory_mb=512, workspace_mb=128, door=True)
        pool.expect(spec)
        assert pool.tend()
        out.claim = lambda wanted: pool.take(wanted, AttemptId("r1.job.1"))
        result = out.run(GET, GET, egress=NAMES)
    finally:
        pool.close()
    assert "taken from the pool" in out.told
    assert (result.outcome, out.output) == (Outcome.PASSED, "hi\nhi\n"), out.told
    assert [(use.host, use.count) for use in result.egress] == [("pypi.org", 2)]


def test_a_warm_one_without_a_door_is_not_taken_for_one_with(lab: Laboratory) -> None:
    pool = WarmPool(lab.docker_url, lab.installation, Bounds(1, 1), doors=lab.doors)
    try:
        spec = SandboxSpec(image=lab.image, installation=lab.installation)
        pool.expect(spec)
        assert pool.tend()
        assert pool.take(spec.having(door=True), AttemptId("r1.job.1")) is None
    finally:
        pool.close()


def test_a_pool_that_closes_leaves_no_doors(lab: Laboratory, tmp_path: Path) -> None:
    pool = WarmPool(lab.docker_url, lab.installation, Bounds(1, 1), doors=lab.doors)
    pool.expect(SandboxSpec(image=lab.image, installation=lab.installation, door=True))
    assert pool.tend()
    assert len(list(tmp_path.glob("doors/*/*"))) == 1
    pool.close()


def test_a_dead_runners_door_is_swept_with_its_container(lab: Laboratory, tmp_path: Path) -> None:
    spec = SandboxSpec(image=lab.image, installation=lab.installation, door=True)
    for attempt in ("r1.dead.1", "r1.live.1"):
        name = attempt_name(lab.installation, AttemptId(attempt))
        Sandbox.start(lab.docker_url, spec, name, lab.doors).release()
    for path in tmp_path.glob("doors/*/*"):
        os.utime(path, (0, 0))
    sweep(lab.docker_url, lab.installation, lambda attempt: attempt == "r1.live.1", doors=lab.doors)
    assert len(list(tmp_path.glob("doors/*/*"))) == len(lab.left()) == 1
    sweep(lab.docker_url, lab.installation, lambda _: False, doors=lab.doors)


def test_the_forwarder_without_socat(out: Laboratory) -> None:
    with without(out, "/usr/bin/socat") as out.image:
        result = out.run(f"command -v socat && exit 1; {GET}", GET, egress=NAMES)
    assert (result.outcome, out.output) == (Outcome.PASSED, "hi\nhi\n"), out.told


def test_an_image_without_any_forwarder_is_refused_with_what_to_do(out: Laboratory) -> None:
    with without(out, "/usr/bin/socat", "/usr/bin/python3") as out.image:
        assert out.run("echo hello").outcome is Outcome.PASSED
        result = out.run("echo never", egress=NAMES)
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED)
    assert "install one of them in the job's image" in out.told
    assert out.output == "hello\n"


def test_the_forwarder_does_not_hold_a_step_up_and_is_not_its_child(out: Laboratory) -> None:
    out.run("wait; jobs; cat /proc/self/task/$$/children || true", "pgrep -c -P $$ . || true", egress=NAMES)
    steps = re.findall(r"ended: exit code 0, (\d+\.\d) s", out.told)
    assert len(steps) == 2
    assert "still running" not in out.told


def test_variables_lead_to_the_proxy_and_the_jobs_own_win(out: Laboratory) -> None:
    out.run(
        "env | grep -i -E 'proxy|cert|cafile|cainfo|bundle' | sort",
        egress=NAMES,
        env={"PIP_CERT": "mine", "no_proxy": "*"},
    )
    seen = dict(line.split("=", 1) for line in out.output.splitlines())
    assert seen.pop("PIP_CERT") == "mine"
    assert seen.pop("no_proxy") == "*"
    assert set(seen) == {*PROXY_ENVIRONMENT, *CERTIFICATE_ENVIRONMENT} - {"PIP_CERT", "no_proxy"}


def test_the_nodes_certificates_are_readable_inside_and_only_those(out: Laboratory, tmp_path: Path) -> None:
    bundle = tmp_path / "company.pem"
    bundle.write_text("a company's certificate\n")
    out.doors = Doors(tmp_path / "doors", bundle)
    out.run("cat $SSL_CERT_FILE; echo no > $SSL_CERT_FILE || echo kept", egress=NAMES)
    assert "a company's certificate" in out.output
    assert "kept" in out.output


def test_certificates_that_are_not_there_are_an_error_that_says_so(out: Laboratory, tmp_path: Path) -> None:
    out.doors = Doors(tmp_path / "doors", tmp_path / "missing.pem")
    result = out.run("true", egress=NAMES)
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED)
    assert "missing.pem" in result.detail
    assert "sandbox.ca_bundle" in result.detail


def test_under_runc_too(out: Laboratory) -> None:
    out.settings = SandboxSettings(unsafe_runtime="runc")
    result = out.run(GET, egress=NAMES)
    assert (result.outcome, out.output, result.unsafe) == (Outcome.PASSED, "hi\n", True), out.told
