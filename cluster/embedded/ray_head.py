"""The local Ray head: loopback only, with a token, its ports free ones, its files under a short path.

By itself Ray replaces 127.0.0.1 by the machine's outward address and listens on all of them; with another address of
loopback it does the latter too. Only where it is told that there are no clusters does it keep to 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import psutil

from cluster.embedded.child import Child
from models.labels import offered

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
# Its processes hold nothing that is not in the store: what is not gone by then is killed.
STOP_TIMEOUT_S = 3.0
GVISOR_SLOTS = 1000
_OBJECT_STORE_BYTES = 100_000_000


class RayHead:
    """The embedded Ray of one state directory."""

    def __init__(self, state_dir: Path, run_dir: Path, labels: Iterable[str] = ()) -> None:
        self._labels = tuple(labels)
        self._facts = run_dir / "ray.address.json"
        self._token = state_dir / "ray.token"
        # Ray puts Unix sockets deep under this directory, whose paths may have 107 characters in all.
        self.temp_dir = Path("/tmp") / f"delta-ray-{hashlib.sha256(str(state_dir).encode()).hexdigest()[:10]}"  # noqa: S108 - the name is unique to the state directory, and Ray makes it private
        self._child = Child("ray", run_dir)

    @property
    def address(self) -> str:
        """`host:port` of the running head."""
        return str(json.loads(self._facts.read_text())["address"])

    @property
    def dashboard(self) -> str:
        """The dashboard's URL."""
        return str(json.loads(self._facts.read_text())["dashboard"])

    def environment(self) -> dict[str, str]:
        """What a process needs to be let in."""
        if not self._token.exists():
            self._token.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._token.touch(mode=0o600)
            self._token.write_text(secrets.token_hex(32))
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self._token.read_text(),
            # Detached actors never leave by themselves: a drain would only wait for its time-out.
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            "RAY_START_HOOK": "cluster.embedded.ray_start.without_client_server",
            # Despite its name this holds on Linux too (ray/_private/services.py, get_node_ip_address).
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }

    def ensure(self, *, cpus: float | None = None, dashboard: bool = True) -> bool:
        """Starts it unless it runs (about 5 s). True when it was started: then nothing of an earlier one lives."""
        if self.running():
            return False
        self.stop()
        ports = free_ports(3)
        self.temp_dir.mkdir(mode=0o700, exist_ok=True)
        facts = {"address": f"{HOST}:{ports[0]}", "dashboard": f"http://{HOST}:{ports[1]}"}
        launch = self._child.start(self._command(ports, cpus, dashboard), env=self.environment())
        self._facts.write_text(json.dumps(facts))
        self._child.wait_until(self._node_is_up, START_TIMEOUT_S)
        self._child.adopt(self.named("raylet")[0])
        psutil.wait_procs([launch], timeout=STOP_TIMEOUT_S)  # it has nothing more to do
        return True

    def running(self) -> bool:
        """Whether its node lives and its control service listens."""
        return self._child.process() is not None and self._facts.exists() and self._listens()

    def processes(self) -> list[psutil.Process]:
        """Every process of it, its workers too, also those that a killed head left behind."""
        found = [family for process in psutil.process_iter() if self._is_ours(process) for family in _family(process)]
        return [*{process.pid: process for process in found}.values()]

    def named(self, name: str) -> list[psutil.Process]:
        """Those of its processes with this name. One that ends at this moment is none."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                found += [process] if process.name() == name else []
        return found

    def stop(self) -> None:
        """Ends it with all its workers, also those that a killed head left behind."""
        self._child.stop(STOP_TIMEOUT_S)
        self._facts.unlink(missing_ok=True)
        left = self.processes()
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)

    def _command(self, ports: list[int], cpus: float | None, dashboard: bool) -> list[str]:
        gcs, dashboard_port, agent = ports
        return [
            str(Path(sys.executable).with_name("ray")),
            "start",
            "--head",
            f"--node-ip-address={HOST}",
            f"--port={gcs}",
            f"--temp-dir={self.temp_dir}",
            f"--num-cpus={cpus or os.cpu_count() or 1:g}",
            "--resources=" + json.dumps({"gvisor": GVISOR_SLOTS, **offered(self._labels)}),
            f"--object-store-memory={_OBJECT_STORE_BYTES}",
            f"--include-dashboard={str(dashboard).lower()}",
            f"--dashboard-host={HOST}",
            f"--dashboard-port={dashboard_port}",
            f"--dashboard-agent-listen-port={agent}",
            "--min-worker-port=0",
            "--max-worker-port=0",
            "--include-log-monitor=false",
            "--disable-usage-stats",
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        """Ray's programs name the head's directory on their command line; one that renamed itself has its log there."""
        ours = str(self.temp_dir)
        try:
            named = any(ours in argument for argument in process.cmdline())
            return named or (
                process.name().startswith("ray::") and any(file.path.startswith(ours) for file in process.open_files())
            )
        except psutil.Error:
            return False

    def _listens(self) -> bool:
        host, port = self.address.split(":")
        with closing(socket.socket()) as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((host, int(port))) == 0

    def _node_is_up(self) -> bool:
        return self._listens() and "Ray runtime started" in self._child.log_tail(60)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now. Somebody may take one before it is used: then the start fails and says so."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
