"""Secrets: what one may look like, whose it is, and who gets it. Pure; what is encrypted stays so here.

A value goes to a job only if all of this holds: the change is trusted, a step of the job names it, and the policy has
not refused the job (`models/policy.py`). `due` is the first two, asked again when values are handed out: the plan is
not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import Field, SecretStr

from models.change import Trust
from models.errors import CallerError, ChangeError
from models.job import JobSpec
from models.record import Record

EVERYWHERE: Final = "*"  # the scope of a secret that every repository may use

# Shorter ones cannot be masked: a log is full of any four letters. Each line of a longer one is held to the same.
LEAST_CHARS: Final = 8
# Of one value, and of all that a job gets: so much is answered by Ray from memory and never put into its object store.
MOST_BYTES: Final = 64 * 1024

_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_SCOPE: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,1024}")
# What programs read from such a variable, or what Delta itself sets.
_TAKEN: Final = frozenset(
    {"CI", "DELTA", "HOME", "USER", "LOGNAME", "SHELL", "PATH", "IFS", "ENV", "BASH_ENV", "PWD", "OLDPWD", "SHELLOPTS"}
)
_TAKEN_PREFIXES: Final = ("LD_", "BASH_FUNC_")


class SealedSecret(Record):
    """A secret as it is kept: `sealed` is its ciphertext, `set_at` Unix time. `scope`: a repository, or `*`."""

    scope: str
    name: str
    sealed: str
    set_at: float


class HandedOut(Record):
    """The values that one job gets, by name. Shown as stars wherever they are printed or logged."""

    values: dict[str, SecretStr] = Field(default_factory=dict)


def checked_name(name: str) -> str:
    """The name. Raises `CallerError` for one that could not be a variable, or is one already."""
    if not _NAME.fullmatch(name):
        raise CallerError(
            f"{name!r} cannot name a secret", remedy="A-Z, 0-9 and `_`, not a digit first, at most 128 characters"
        )
    if name in _TAKEN or name.startswith(_TAKEN_PREFIXES):
        raise CallerError(f"{name} has a meaning of its own in every shell", remedy="choose another name")
    return name


def checked_scope(repository: str) -> str:
    """The scope of a repository, all of them when it is empty. Raises `CallerError`."""
    if repository and not _SCOPE.fullmatch(repository):
        raise CallerError(
            f"{repository[:80]!r} names no repository",
            remedy="`owner/name`, or the absolute path of a local one, as `delta status` shows it",
        )
    return repository or EVERYWHERE


def checked_value(value: str) -> str:
    """The value. Raises `CallerError`, which never repeats it."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # a lone surrogate: bytes that were no UTF-8
        size = -1
    if size < 0 or "\0" in value:
        raise CallerError("the value is no text, or holds a NUL", remedy="encode it, for instance as base64")
    if size > MOST_BYTES:
        raise CallerError(f"the value has {size:,} bytes", remedy=f"at most {MOST_BYTES:,} can be kept")
    if len(value.strip()) < LEAST_CHARS:
        raise CallerError(
            f"the value has fewer than {LEAST_CHARS} characters: it could not be masked in logs",
            remedy="use a longer one",
        )
    return value


def due(job: JobSpec, trust: Trust) -> frozenset[str]:
    """The names of the secrets that the job is to be given. A change from a fork gets none, whatever was planned."""
    return job.secrets if trust is Trust.TRUSTED else frozenset()


def wanted(names: Iterable[str], repository: str) -> tuple[tuple[str, str], ...]:
    """Where to look for them: scope and name, the nearer scope first."""
    return tuple((scope, name) for name in sorted(names) for scope in (repository, EVERYWHERE))


def nearest(found: Iterable[SealedSecret], names: frozenset[str], repository: str) -> dict[str, SealedSecret]:
    """Each name's secret: the repository's own before that of all. Raises `ChangeError` naming those that are missing.

    An empty variable in their place would make a deployment that half works.
    """
    by_name: dict[str, SealedSecret] = {}
    for secret in found:
        fits = secret.name in names and secret.scope in {repository, EVERYWHERE}
        if fits and (secret.scope == repository or secret.name not in by_name):
            by_name[secret.name] = secret
    missing = sorted(names - by_name.keys())
    if missing:
        which = ", ".join(f"`{name}`" for name in missing)
        raise ChangeError(
            f"there is no secret {which} for the repository {repository}",
            remedy=f"`delta secret set {missing[0]} --repo {repository}`, then `delta rerun`; or do not ask for it",
        )
    return by_name


def bounded(values: Mapping[str, str]) -> HandedOut:
    """What is handed out. Raises `ChangeError` when it is too much for one job."""
    size = sum(len(value.encode()) for value in values.values())
    if size > MOST_BYTES:
        raise ChangeError(
            f"the job's secrets have {size:,} bytes together", remedy=f"at most {MOST_BYTES:,}: split the job"
        )
    return HandedOut(values={name: SecretStr(value) for name, value in values.items()})
