"""Which names are names of hosts, and what a pattern covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hosts import covers, host_name, host_pattern


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pypi.org", "pypi.org"),
        ("PyPI.ORG.", "pypi.org"),
        ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
        ("a_b.example.com", "a_b.example.com"),
        ("a.1b", "a.1b"),
    ],
)
def test_names_are_compared_as_dns_does(text: str, name: str) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0x7f000001",
        "017700000001",
        "1.2.3.4.",
        "example.0x10",
        "[::1]",
        "::1",
        "fe80::1%eth0",
        "localhost",
        "",
        ".",
        "a..b",
        "-a.b",
        "a-.b",
        "a b.org",
        "a.org\n",
        "a.org:443",
        "user@a.org",
        "пример.рф",
        "a" * 64 + ".org",
        "a." * 130 + "org",
    ],
)
def test_addresses_in_any_notation_and_nonsense_are_no_names(text: str) -> None:
    assert host_name(text) is None
    assert host_pattern(text) is None


@pytest.mark.parametrize("text", ["*", "*.", "*.org", "*org", "a.*.org", "*.*.example.org", "*.1.2.3.4"])
def test_a_wildcard_stands_before_a_suffix_of_two_labels_and_nowhere_else(text: str) -> None:
    assert host_pattern(text) is None


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("a.example.org", "a.example.org", True),
        ("a.example.org", "b.a.example.org", False),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "b.a.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "evilexample.org", False),
        ("*.example.org", "*.a.example.org", True),
        ("*.example.org", "*.example.org", True),
        ("*.a.example.org", "*.example.org", False),
        ("a.example.org", "*.example.org", False),
    ],
)
def test_what_a_pattern_covers(pattern: str, host: str, covered: bool) -> None:
    assert covers(pattern, host) is covered


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none_and_a_name_stays_one(text: str) -> None:
    name = host_name(text)
    assert name is None or host_name(name) == name
