"""Which addresses a job may be connected to, whatever name led there. Pure; used by the settings and the proxy.

A name that a job may reach is in somebody else's hands: it can be made to stand for the node's own loopback, for the
cloud's metadata service or for a neighbour. So public addresses only, and others where the operator has named their
network. The tables are IANA's registries of special-purpose addresses
(https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry), and not Python's
`is_global`, which differs between its patch releases and takes multicast and embedded IPv4 for global.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; one cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services for a machine, at a public address
        "169.254.0.0/16",  # link-local: the other clouds' metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF's, one cloud's metadata service among them
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays from IPv6
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Everything that may be public lies in here; loopback, private, link-local, multicast, IPv4-mapped addresses and those
# that NAT64 translates (64:ff9b::/96, 64:ff9b:1::/48) do not.
_PUBLIC_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF's: Teredo, which holds IPv4 addresses, among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds IPv4 addresses
        "3fff::/20",  # documentation
    )
)


def networks_in(text: str) -> tuple[Network, ...]:
    """The networks in a setting's text, divided by commas. `ValueError` names the one that is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_public(address: Address) -> bool:
    """Whether it is an address of the Internet and nothing else."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def may_connect(address: Address, networks: Iterable[Network], own: Collection[Address]) -> bool:
    """Whether a job may be connected to it. `networks` are the operator's, `own` the node's addresses.

    The node itself, also by its public address, only where the operator has named that one address alone (`/32`).
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:  # the same host as the IPv4 address, by a name that no network has
            return False
        address = IPv6Address(int(address))  # without the card that it is to be reached by: two texts, one address
    named = [network for network in networks if address in network]
    if address in own or address.is_loopback:
        return any(network.num_addresses == 1 for network in named)
    return bool(named) or is_public(address)
