"""Names of hosts that may be reached: exactly, or everything below a suffix. Pure; used by the policy and the proxy.

A pattern is a host name, or `*.` and a suffix of at least two labels. Names are compared as DNS does: without case and
without a final dot. Addresses are no names: an address says nothing of whose it is.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# RFC 1123: labels of letters, digits and hyphens. Other alphabets come as punycode (`xn--…`), as they do on the wire.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+")
# What resolvers take for an IPv4 address although it does not look like one: `2130706433`, `0x7f.1`, `127.1`.
_NUMERIC_END = re.compile(r"(?:0x[0-9a-f]*|\d+)")
_WILDCARD = "*."


def host_name(text: str) -> str | None:
    """The name as it is compared; None for what is no host name: an address in any notation, or nonsense."""
    name = text.lower().removesuffix(".")
    if not _NAME.fullmatch(name) or _NUMERIC_END.fullmatch(name.rpartition(".")[2]):
        return None
    return name


def host_pattern(text: str) -> str | None:
    """The pattern as it is compared; None for what is none."""
    lower = text.lower()
    if not lower.startswith(_WILDCARD):
        return host_name(lower)
    suffix = host_name(lower.removeprefix(_WILDCARD))
    return f"{_WILDCARD}{suffix}" if suffix is not None else None


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern allows a host, or all that another pattern allows. Both as the functions above give them."""
    if pattern == host:
        return True
    return pattern.startswith(_WILDCARD) and host.removeprefix(_WILDCARD).endswith(pattern[1:])


def _checked(text: str) -> str:
    pattern = host_pattern(text)
    if pattern is None:
        raise ValueError("not a host name, nor `*.` and a suffix of two labels or more")
    return pattern


# A pattern in a configuration.
Host = Annotated[str, AfterValidator(_checked)]
