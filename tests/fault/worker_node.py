"""A second node of a server's Ray, on this machine: run as a program, with the head's address, it starts one and ends.

Through Ray's own classes, because `ray start` joins no cluster that listens on loopback only.
"""

from __future__ import annotations

import subprocess
import sys

import psutil

from cluster.embedded.ray_head import HOST, RayHead, free_ports
from tests.e2e.server import Delta

CPUS = 2


def join(server: Delta) -> psutil.Process:
    """Adds a node to the server's Ray; its raylet."""
    head = RayHead(server.state_dir, server.state_dir / "run")
    before = head.named("raylet")
    command = [sys.executable, "-m", __name__, head.address]
    done = subprocess.run(
        command, env={**server.env, **head.environment()}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [raylet] = [process for process in head.named("raylet") if process not in before]
    return raylet


def main(address: str) -> None:
    """Starts the node; it stays."""
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    [agent] = free_ports(1)
    parameters = RayParams(
        gcs_address=address,
        node_ip_address=HOST,
        num_cpus=CPUS,
        resources={"gvisor": 1000},
        object_store_memory=100_000_000,
        min_worker_port=0,
        max_worker_port=0,
        dashboard_agent_listen_port=agent,
    )
    Node(parameters, head=False, shutdown_at_exit=False, spawn_reaper=False, connect_only=False)


if __name__ == "__main__":
    main(sys.argv[1])
