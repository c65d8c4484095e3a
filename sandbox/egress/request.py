"""What a request asks for, and whether the job may: pure. The job's own words, so nothing in them is believed.

Two forms of HTTP's are understood (RFC 9112, section 3.2): `CONNECT host:port` for a tunnel, and `GET http://host/path`
for a plain request. Hosts are names: an address, in whatever notation, is refused before anything is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from models.hosts import covers, host_name

CONNECT = "CONNECT"
TUNNEL_PORTS = frozenset({80, 443})
PLAIN_PORTS = frozenset({80})

NOT_LISTED = "not in the job's egress"
NO_NAME = "not a host name"
NO_PORT = "only ports 80 and 443"
NO_PLAIN_PORT = "only port 80 without CONNECT"
NO_FORM = "neither CONNECT nor http://"
MALFORMED = "a malformed request"

# The whole of it: a user name, a fragment or anything else that two readers could take for different hosts is no match.
_AUTHORITY = r"(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
_TUNNEL = re.compile(_AUTHORITY)
_PLAIN = re.compile(rf"(?i:http)://{_AUTHORITY}(?P<path>[/?][\x21-\x22\x24-\x7e]*)?")
_ANY_HOST = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(?P<host>\[[^\]]*\]|[^/:]*)(?::(?P<port>[0-9]{1,5})(?![0-9]))?"
)


class Asked(NamedTuple):
    """One request's wish. `denied` says why it is not granted; empty: it may go out.

    Where it is denied, `host` is only for telling: it may be anything at all.
    """

    method: str
    host: str
    port: int
    path: str
    denied: str


def asked(method: str, target: str, patterns: Iterable[str]) -> Asked:
    """Judge a request by its first line. `patterns` are the job's hosts, as `models.hosts` gives them."""
    tunnel = method == CONNECT
    found = (_TUNNEL if tunnel else _PLAIN).fullmatch(target)
    port = int((found and found["port"]) or (0 if tunnel else 80))
    if found is None or (tunnel and not found["port"]):
        return _refused(method, target, NO_FORM)
    host = host_name(found["host"])
    if host is None:
        return _refused(method, target, NO_NAME)
    denied = ""
    if not any(covers(pattern, host) for pattern in patterns):
        denied = NOT_LISTED
    elif port not in (TUNNEL_PORTS if tunnel else PLAIN_PORTS):
        denied = NO_PORT if tunnel else NO_PLAIN_PORT
    path = "" if tunnel else found["path"] or "/"
    return Asked(method, host, port, path if path[:1] != "?" else f"/{path}", denied)


def _refused(method: str, target: str, why: str) -> Asked:
    """For telling, the host and port as far as they can be made out."""
    found = _ANY_HOST.match(target)
    host, port = (found["host"], int(found["port"] or 0)) if found else (target, 0)
    if why == NO_FORM and host and host_name(host) is None:
        why = NO_NAME
    return Asked(method, host or target, port, "", why)
