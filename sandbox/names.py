"""Whose a container is stands in its name: Docker's labels are fixed when it is made, and a name can still change.

`delta-INSTALLATION-warm-RANDOM` waits for somebody; `delta-INSTALLATION-ATTEMPT-RANDOM` belongs to that attempt. The
way goes from the first to the second and never back: what bears an attempt's name may have run hostile code. `RANDOM`
stays on that way: the container's door (`door.py`) is called so.
"""

from __future__ import annotations

import secrets

from models.ids import AttemptId

_WARM = "warm"  # no attempt's id: those have dots


def warm_name(installation: str) -> str:
    """A fresh name for a sandbox that waits."""
    return _name(installation, _WARM)


def attempt_name(installation: str, attempt: AttemptId) -> str:
    """A fresh name for a sandbox that this attempt has."""
    return _name(installation, attempt)


def given_name(installation: str, name: str, attempt: AttemptId) -> str:
    """The name under which the attempt gets the sandbox that waits as `name`."""
    return _name(installation, attempt, token_of(name))


def token_of(name: str) -> str:
    """The random part of a container's name."""
    return name.rpartition("-")[2]


def is_warm(installation: str, name: str) -> bool:
    """Whether it still waits. `name` may begin with a slash, as Docker tells it."""
    return _owner(installation, name) == _WARM


def attempt_of(installation: str, name: str) -> AttemptId | None:
    """The attempt that it belongs to; None when it waits, or when Delta did not name it."""
    owner = _owner(installation, name)
    return AttemptId(owner) if owner not in {"", _WARM} else None


def _name(installation: str, owner: str, token: str = "") -> str:
    return f"delta-{installation}-{owner}-{token or secrets.token_hex(6)}"


def _owner(installation: str, name: str) -> str:
    prefix = f"delta-{installation}-"
    bare = name.removeprefix("/")
    return bare.removeprefix(prefix).rpartition("-")[0] if bare.startswith(prefix) else ""
