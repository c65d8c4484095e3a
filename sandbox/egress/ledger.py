"""What is told of a job's requests: a line each in its log, and sums in its result. Both bounded, both printable.

Names, methods and ports come from the job. It may ask for a million hosts: the first `LINES` requests are told one by
one and the first `ENTRIES` kinds of them are counted apart; what comes after is counted together.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from models.result import OTHER_HOSTS, EgressUse
from sandbox.egress.request import Asked
from sandbox.printable import printable

LINES = 1000
ENTRIES = 64
HOST_CHARS = 255
METHOD_CHARS = 16

_Key = tuple[str, int, bool, str]


class Ledger:
    """One attempt's. `say` takes a line for the log; it is called from whatever thread this is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = 0
        self._uses: dict[_Key, EgressUse] = {}
        self._lock = Lock()

    def allowed(self, asked: Asked, address: str) -> _Key:
        """A connection stands. Give the key to `carried` when it is over."""
        self._tell(asked, f"allowed → {address}")
        return self._count(asked, allowed=True)

    def denied(self, asked: Asked, reason: str, detail: str = "") -> None:
        """It did not go out. `detail` is for the log only, where `reason` is too coarse."""
        self._tell(asked, f"denied: {detail or reason}")
        self._count(asked, allowed=False, reason=reason)

    def failed(self, asked: Asked, reason: str) -> None:
        """It was allowed, and nobody answered."""
        self._tell(asked, f"allowed, but {reason}")
        self._count(asked, allowed=True, reason=reason)

    def carried(self, key: _Key, sent_bytes: int, received_bytes: int) -> None:
        """What went through a connection."""
        with self._lock:
            use = self._uses[key]
            self._uses[key] = use.having(
                sent_bytes=use.sent_bytes + sent_bytes, received_bytes=use.received_bytes + received_bytes
            )

    def uses(self) -> tuple[EgressUse, ...]:
        """The sums, in the order in which each was first asked for."""
        with self._lock:
            return tuple(self._uses.values())

    def _tell(self, asked: Asked, what: str) -> None:
        with self._lock:
            self._said += 1
            number = self._said
        port = f":{asked.port}" if asked.port else ""
        if number <= LINES:
            method = printable(asked.method[:METHOD_CHARS])
            self._say(f"egress: {method} {printable(asked.host[:HOST_CHARS])}{port} {what}")
        if number == LINES:
            self._say(f"egress: {LINES} requests are told one by one; further ones are only counted, in the result")

    def _count(self, asked: Asked, *, allowed: bool, reason: str = "") -> _Key:
        key = (printable(asked.host[:HOST_CHARS]), asked.port, allowed, reason)
        with self._lock:
            if key not in self._uses and len(self._uses) >= ENTRIES:
                key = (OTHER_HOSTS, 0, allowed, "")
            host, port, *_ = key
            use = self._uses.get(key) or EgressUse(host=host, port=port, allowed=allowed, reason=key[3])
            self._uses[key] = use.having(count=use.count + 1)
        return key
