"""What Delta needs of the Redis it is given: it must keep what it acknowledged. Asked once, before anything is stored.

Delta answers 202 to a webhook, and lets go of a result, because Redis has it. A Redis that evicts keys, keeps them in
memory only, or writes them to disk some time later breaks that word without anybody noticing, so it is refused. Who
can live with it says so by `DELTA_STORE__TOLERATE=true`; then each weakness is a warning in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from cluster.store.connection import answering, text
from models.errors import InfrastructureError

log = logging.getLogger(__name__)

TOLERATE = "DELTA_STORE__TOLERATE=true"

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Weakness:
    """One setting that may lose what was acknowledged: its name and value, what comes of it, and what to set."""

    setting: str
    value: str
    danger: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting} is {self.value!r}: {self.danger}; set {self.remedy}"


def require(redis_url: str, *, tolerate: bool) -> None:
    """Raises `InfrastructureError` for a Redis that may lose acknowledged writes, or that does not let itself be asked.

    With `tolerate`, warns instead. One that does not answer is an error either way.
    """
    try:
        found = weaknesses(_settings(redis_url))
    except _Forbidden as error:
        told = f"Redis does not tell its settings ({error}), so nobody knows whether it keeps what it acknowledges"
        remedy = f"let its user run CONFIG GET, or make sure of its settings yourself and set {TOLERATE}"
        if not tolerate:
            raise InfrastructureError(told, remedy=remedy) from error
        log.warning("%s; tolerated", told)
        return
    for weakness in found:
        log.warning("Redis: %s", weakness)
    if found and not tolerate:
        told = "; ".join(str(weakness) for weakness in found)
        raise InfrastructureError(f"Redis may lose what it acknowledged: {told}", remedy=f"or set {TOLERATE}")


def weaknesses(settings: Mapping[str, str]) -> list[Weakness]:
    """What of these settings (https://redis.io/docs/latest/operate/oss_and_stack/management/config/) is too weak."""
    found = []
    limit, policy = settings.get("maxmemory", "0"), settings.get("maxmemory-policy", "")
    if int(limit) > 0 and policy != "noeviction":
        danger = f"with maxmemory {limit} it deletes keys when memory is short"
        found.append(Weakness("maxmemory-policy", policy, danger, "`maxmemory-policy noeviction`"))
    append_only = settings.get("appendonly", "")
    if append_only != "yes":
        danger = "it forgets what came after its last snapshot"
        found.append(Weakness("appendonly", append_only, danger, "`appendonly yes` and `appendfsync always`"))
    elif (sync := settings.get("appendfsync", "")) != "always":
        danger = "a crash loses the last second" if sync == "everysec" else "a crash loses what was not yet on disk"
        found.append(Weakness("appendfsync", sync, danger, "`appendfsync always`"))
    return found


class _Forbidden(Exception):
    """CONFIG is not for us: renamed, switched off, or not among the user's rights."""


def _settings(redis_url: str) -> dict[str, str]:
    client = Redis.from_url(redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
    with answering(), client as redis:
        redis.ping()
        try:
            found = {**redis.config_get("append*"), **redis.config_get("maxmemory*")}
        except (NoPermissionError, ResponseError) as error:
            raise _Forbidden(str(error)) from error
    return {text(name): text(value) for name, value in found.items()}
