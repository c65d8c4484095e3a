"""The way from a name to a connection: looked up once, every answer checked, and connected to what was checked.

Between the check and the connection the name is not looked up again, so it cannot mean something else by then (DNS
rebinding). One answer that is not allowed refuses the name as a whole: whoever mixes addresses is up to something.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import NamedTuple

import psutil

from models.addresses import Address, Network, may_connect
from sandbox.carry import BUFFER_BYTES, Streams

RESOLVE_S = 15.0
CONNECT_S = 10.0
ADDRESSES = 4  # of one name are tried

NO_ANSWER = "its name could not be resolved"
NOT_REACHED = "it could not be reached"
NOT_PUBLIC = "its address is not public"


class NotConnectedError(Exception):
    """No connection. `reason` is one of the above; `denied`: it was not even tried. Never leaves this folder."""

    def __init__(self, reason: str, detail: str = "", *, denied: bool = False) -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.denied = denied


def system_resolver(host: str, port: int) -> Sequence[str]:
    """All addresses that the node's resolver gives. `OSError` when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def system_dial(address: str, port: int) -> Streams:
    """A TCP connection to an address."""
    return await asyncio.open_connection(address, port, limit=BUFFER_BYTES)


class World(NamedTuple):
    """What lies outside. Another one is given by tests, which play the resolver and the hosts."""

    resolve: Callable[[str, int], Sequence[str]] = system_resolver
    dial: Callable[[str, int], Awaitable[Streams]] = system_dial


def own_addresses() -> frozenset[Address]:
    """The addresses of this node's network cards."""
    found: set[Address] = set()
    for card in psutil.net_if_addrs().values():
        for entry in card:
            with contextlib.suppress(ValueError):  # a hardware address
                found.add(ip_address(entry.address.partition("%")[0]))
    return frozenset(found)


class Outside:
    """The world as far as one job may reach it. `networks` are the operator's."""

    def __init__(self, world: World, networks: Sequence[Network]) -> None:
        self._world = world
        self._networks = networks
        self._own = own_addresses()
        # Threads, since resolvers block; few, so that a job cannot flood the name servers.
        self._resolvers = ThreadPoolExecutor(4, "resolve")

    async def connect(self, host: str, port: int) -> tuple[str, Streams]:
        """The address and a connection to it. Errors: `NotConnectedError`."""
        refused = NOT_REACHED
        for address in (await self._checked(host, port))[:ADDRESSES]:
            try:
                return address, await asyncio.wait_for(self._world.dial(address, port), CONNECT_S)
            except TimeoutError:
                refused = f"{NOT_REACHED} within {CONNECT_S:g} s"
            except OSError:
                refused = NOT_REACHED
        raise NotConnectedError(refused)

    def close(self) -> None:
        """Ask nobody any more; does not wait for answers."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _checked(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            looking = loop.run_in_executor(self._resolvers, self._world.resolve, host, port)
            addresses = list(await asyncio.wait_for(looking, RESOLVE_S))
        except (OSError, UnicodeError, TimeoutError) as error:
            raise NotConnectedError(NO_ANSWER) from error
        if not addresses:
            raise NotConnectedError(NO_ANSWER)
        for text in addresses:
            if not self._may_connect(text):
                raise NotConnectedError(NOT_PUBLIC, f"it resolves to {text}, which is not public", denied=True)
        return addresses

    def _may_connect(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return may_connect(address, self._networks, self._own)
