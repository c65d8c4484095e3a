"""What a request's first line asks for, and whether it is granted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hosts import covers, host_name
from sandbox.egress.request import NO_FORM, NO_NAME, NO_PLAIN_PORT, NO_PORT, NOT_LISTED, Asked, asked

HOSTS = ("pypi.org", "*.example.com")


@pytest.mark.parametrize(
    ("method", "target", "host", "port", "path"),
    [
        ("CONNECT", "pypi.org:443", "pypi.org", 443, ""),
        ("CONNECT", "pypi.org:80", "pypi.org", 80, ""),
        ("CONNECT", "PyPI.org.:443", "pypi.org", 443, ""),
        ("CONNECT", "a.b.example.com:443", "a.b.example.com", 443, ""),
        ("GET", "http://pypi.org/simple/?q=1", "pypi.org", 80, "/simple/?q=1"),
        ("GET", "HTTP://pypi.org", "pypi.org", 80, "/"),
        ("GET", "http://pypi.org?q", "pypi.org", 80, "/?q"),
        ("POST", "http://pypi.org:80/a%20b", "pypi.org", 80, "/a%20b"),
        ("GET", "http://pypi.org/@evil.net:22/", "pypi.org", 80, "/@evil.net:22/"),
    ],
)
def test_what_is_listed_is_granted(method: str, target: str, host: str, port: int, path: str) -> None:
    assert asked(method, target, HOSTS) == Asked(method, host, port, path, "")


@pytest.mark.parametrize(
    ("method", "target", "why"),
    [
        ("CONNECT", "evil.net:443", NOT_LISTED),
        ("CONNECT", "example.com:443", NOT_LISTED),
        ("CONNECT", "notexample.com:443", NOT_LISTED),
        ("CONNECT", "pypi.org.evil.net:443", NOT_LISTED),
        ("GET", "http://evil.net/", NOT_LISTED),
        ("CONNECT", "pypi.org:22", NO_PORT),
        ("CONNECT", "pypi.org:0", NO_PORT),
        ("CONNECT", "pypi.org:65616", NO_PORT),
        ("GET", "http://pypi.org:443/", NO_PLAIN_PORT),
        ("GET", "http://pypi.org:8080/", NO_PLAIN_PORT),
        ("CONNECT", "127.0.0.1:443", NO_NAME),
        ("CONNECT", "169.254.169.254:80", NO_NAME),
        ("GET", "http://169.254.169.254/latest/meta-data/", NO_NAME),
        ("CONNECT", "[::1]:443", NO_NAME),
        ("CONNECT", "[::ffff:127.0.0.1]:443", NO_NAME),
        ("CONNECT", "2130706433:443", NO_NAME),
        ("CONNECT", "0x7f000001:443", NO_NAME),
        ("CONNECT", "0x7f.1:443", NO_NAME),
        ("CONNECT", "127.1:443", NO_NAME),
        ("CONNECT", "0177.0.0.1:443", NO_NAME),
        ("CONNECT", "localhost:443", NO_NAME),
        ("CONNECT", "a..example.com:443", NO_NAME),
        ("CONNECT", "pypi.org", NO_FORM),
        ("CONNECT", "pypi.org:", NO_FORM),
        ("CONNECT", "http://pypi.org:443", NO_FORM),
        ("CONNECT", "pypi.org:443/", NO_FORM),
        ("CONNECT", "evil.net@pypi.org:443", NO_FORM),
        ("GET", "https://pypi.org/", NO_FORM),
        ("GET", "ftp://pypi.org/", NO_FORM),
        ("GET", "http://user@pypi.org/", NO_FORM),
        ("GET", "http://pypi.org@evil.net/", NO_FORM),
        ("GET", "http://pypi.org\\@evil.net/", NO_FORM),
        ("GET", "http://pypi.org#@evil.net/", NO_FORM),
        ("GET", "http://pypi.org:80:22/", NO_FORM),
        ("GET", "http://pypi.org:+80/", NO_FORM),
        ("GET", "/", NO_FORM),
        ("OPTIONS", "*", NO_NAME),
    ],
)
def test_everything_else_is_denied_with_why(method: str, target: str, why: str) -> None:
    assert asked(method, target, HOSTS).denied == why


def test_nothing_is_granted_without_hosts() -> None:
    assert asked("CONNECT", "pypi.org:443", ()).denied == NOT_LISTED


@given(st.sampled_from(["CONNECT", "GET"]), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_whatever_is_granted_is_a_listed_name_and_a_port_that_is_allowed(method: str, noise: str) -> None:
    for target in (noise, f"{noise}:443", f"http://{noise}", f"http://pypi.org{noise}", f"pypi.org{noise}"):
        wish = asked(method, target, HOSTS)
        if not wish.denied:
            assert host_name(wish.host) == wish.host
            assert any(covers(pattern, wish.host) for pattern in HOSTS)
            assert wish.port in {80, 443}
