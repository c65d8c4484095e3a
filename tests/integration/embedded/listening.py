"""Who listens where, as the kernel sees it."""

from __future__ import annotations

import psutil


def tcp_addresses(processes: list[psutil.Process]) -> set[str]:
    """The addresses these processes accept TCP connections on."""
    return {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
