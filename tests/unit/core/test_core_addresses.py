"""Which addresses a job may be connected to: restated here by example and by property, not from the tables."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.addresses import is_public, may_connect, networks_in

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "151.101.0.223", "2606:4700:4700::1111", "2a04:4e42::223"]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.19.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::8.8.8.8",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_reached(text: str) -> None:
    assert may_connect(ip_address(text), networks=(), own=())


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_others_may_not(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not may_connect(ip_address(text), networks=(), own=())


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_whatever_python_calls_private_is_not_public(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(address)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv6_address_that_holds_an_ipv4_address_is_public(address: IPv4Address) -> None:
    low = int(address)
    for base in ("::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::"):
        assert not is_public(IPv6Address(int(IPv6Address(base)) | low))
    assert not is_public(IPv6Address((0x2002 << 112) | (low << 80)))  # 6to4
    assert not is_public(IPv6Address((0x20010000 << 96) | low))  # Teredo


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_what_is_public_lies_in_global_unicast(address: IPv6Address) -> None:
    if is_public(address):
        assert int(address) >> 125 == 1
        assert address.is_global
        assert not address.is_multicast


def test_the_operator_may_name_networks() -> None:
    networks = networks_in("10.1.0.0/16, fd00::/8")
    assert may_connect(ip_address("10.1.2.3"), networks, own=())
    assert may_connect(ip_address("fd00::1"), networks, own=())
    assert not may_connect(ip_address("10.2.0.1"), networks, own=())


def test_the_node_itself_is_reached_only_where_its_address_is_named_alone() -> None:
    own = {ip_address("10.1.0.5"), ip_address("8.8.4.4")}
    assert not may_connect(ip_address("8.8.4.4"), (), own)
    assert not may_connect(ip_address("10.1.0.5"), networks_in("10.1.0.0/16"), own)
    assert may_connect(ip_address("10.1.0.5"), networks_in("10.1.0.5/32"), own)
    assert may_connect(ip_address("10.1.0.5"), networks_in("10.1.0.5"), own)
    assert not may_connect(ip_address("127.0.0.1"), networks_in("127.0.0.0/8"), own)
    assert may_connect(ip_address("127.0.0.1"), networks_in("127.0.0.1"), own)


def test_no_spelling_of_the_nodes_address_is_another_address() -> None:
    own = {ip_address("fe80::5"), ip_address("10.0.0.5")}
    everything = networks_in("0.0.0.0/0, ::/0")
    for text in ("fe80::5%eth0", "::ffff:10.0.0.5", "::ffff:127.0.0.1"):
        assert not may_connect(ip_address(text), everything, own)
    assert may_connect(ip_address("fe80::6%eth0"), everything, own)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "intranet", "10.0.0.0/8;fd00::/8"])
def test_what_is_no_network_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("/")[0].replace(".", r"\.")):
        networks_in(text)


def test_no_network_is_none() -> None:
    assert networks_in("") == networks_in(" , ") == ()
    assert networks_in("10.0.0.0/8")[0].version == 4
    assert isinstance(networks_in("fd00::/8")[0], ipaddress.IPv6Network)
