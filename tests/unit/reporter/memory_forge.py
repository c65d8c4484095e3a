"""A forge in memory, with declared faults: what the reporter relies on of checks and comments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from actors.reporter.forge import Check, ForgeUnavailable, FoundCheck, FoundComment
from models.ids import CommitId


@dataclass
class MemoryForge:
    """`calls` holds every write in order.

    Faults: `before` and `after` raise the given error at the named call, once, before it had its effect or after it had
    (an answer that got lost). `lose` does the latter at the write of that number, counted from 1.
    """

    checks: dict[str, Check] = field(default_factory=dict)
    heads: dict[str, CommitId] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    before: dict[str, Exception] = field(default_factory=dict)
    after: dict[str, Exception] = field(default_factory=dict)
    lose: int = 0
    _next: int = 100

    async def find_checks(self, head: CommitId) -> dict[str, FoundCheck]:
        self.reads.append("find_checks")
        self._fault(self.before, "find_checks")
        return {
            check.external_id: FoundCheck(id=key, annotations=self.remarks[key])
            for key, check in self.checks.items()
            if self.heads[key] == head
        }

    async def find_check(self, check_id: str) -> FoundCheck | None:
        self.reads.append("find_check")
        found = check_id in self.checks
        return FoundCheck(id=check_id, annotations=self.remarks[check_id]) if found else None

    async def create_check(self, head: CommitId, check: Check) -> str:
        key = self._new()
        self._fault(self.before, f"create_check {check.name}")
        self.checks[key], self.heads[key], self.remarks[key] = check, head, len(check.annotations)
        self._called(f"create_check {check.name}")
        return key

    async def update_check(self, check_id: str, check: Check) -> None:
        self._fault(self.before, f"update_check {check.name}")
        self.checks[check_id] = check
        self.remarks[check_id] += len(check.annotations)
        self._called(f"update_check {check.name}")

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        self.reads.append(f"find_comment {number}")
        mine = ((key, body) for key, body in self.comments.items() if self.places[key] == number)
        return next((FoundComment(id=key, body=body) for key, body in mine if body.startswith(marker)), None)

    async def create_comment(self, number: int, body: str) -> str:
        key = self._new()
        self._fault(self.before, "create_comment")
        self.comments[key], self.places[key] = body, number
        self._called("create_comment")
        return key

    async def update_comment(self, comment_id: str, body: str) -> None:
        self._fault(self.before, "update_comment")
        self.comments[comment_id] = body
        self._called("update_comment")

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self._fault(self.after, name)
        if len(self.calls) == self.lose:
            raise ForgeUnavailable("the answer got lost")

    def _fault(self, faults: dict[str, Any], name: str) -> None:
        if name in faults:
            raise faults.pop(name)

    def _new(self) -> str:
        self._next += 1
        return str(self._next)
