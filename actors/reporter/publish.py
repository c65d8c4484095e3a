"""Brings the forge from what it was last told to what it shall show, and writes nothing that it shows already.

What was sent is remembered as a digest beside the forge's id, so the same fact delivered twice is sent once. The memory
may lag behind the forge (a crash between a call and its acknowledgement): whatever has no remembered id is looked up by
external id or marker before it is created, and annotations, which the forge only ever adds, are counted before they are
sent. Runs of one pull request share its comment, so they are to be published one at a time.
"""

from __future__ import annotations

import hashlib

from actors.reporter.desired import Desired, desired
from actors.reporter.forge import Check, Forge, ForgeGone, ForgeRefused, ForgeUnavailable, FoundCheck
from actors.reporter.render import MARKER, written_by
from models.errors import InfrastructureError
from models.run import Run

_COMMENT = "comment"


class NotPublished(InfrastructureError):
    """Something did not reach the forge. `ids` is what to remember of what did.

    `again`: the forge may take it later, after `retry_after_s` seconds at the earliest; otherwise it would be refused
    again, and a person has to grant a right first.
    """

    def __init__(self, error: ForgeUnavailable | ForgeRefused, ids: dict[str, str]) -> None:
        super().__init__(str(error.args[0]), remedy=error.remedy)
        self.ids = ids
        self.again = isinstance(error, ForgeUnavailable)
        self.retry_after_s = error.retry_after_s if isinstance(error, ForgeUnavailable) else 0.0


async def publish(run: Run, forge: Forge, memory: dict[str, str], public_url: str = "") -> dict[str, str]:
    """Sends what differs from what was sent before. Returns what to remember: `memory` with the news added.

    Keys: `check:<job>`, `summary` and `comment` hold the forge's ids, and the same with `:sent` what was last sent.
    Raises `NotPublished`. What is refused does not hold up the rest; a forge that does not answer is not asked on.
    """
    return await _Publication(run, forge, memory, desired(run, public_url)).carry_out()


class _Publication:
    def __init__(self, run: Run, forge: Forge, memory: dict[str, str], want: Desired) -> None:
        self._run = run
        self._forge = forge
        self._memory = dict(memory)
        self._want = want
        self._found: dict[str, FoundCheck] | None = None

    async def carry_out(self) -> dict[str, str]:
        refused: ForgeRefused | None = None
        try:
            for check in self._want.checks:
                try:
                    await self._check(check)
                except ForgeRefused as error:
                    refused = refused or error
            try:
                await self._comment()
            except ForgeRefused as error:
                refused = refused or error
        except ForgeUnavailable as error:
            raise NotPublished(error, self._memory) from error
        if refused is not None:
            raise NotPublished(refused, self._memory) from refused
        return self._memory

    async def _check(self, check: Check) -> None:
        name = _memory_name(check)
        digest = _digest(check.model_dump_json())
        if self._memory.get(f"{name}:sent") == digest:
            return
        known = await self._known(name, check)
        if known is None:
            self._memory[name] = await self._forge.create_check(self._want.head, check)
        else:
            await self._forge.update_check(known.id, check.having(annotations=()) if known.annotations else check)
            self._memory[name] = known.id
        self._memory[f"{name}:sent"] = digest

    async def _known(self, name: str, check: Check) -> FoundCheck | None:
        """The check that is on the forge already, if there is one. Without a remembered id this asks once per run."""
        remembered = self._memory.get(name)
        if remembered is not None:
            if not check.annotations:
                return FoundCheck(id=remembered, annotations=0)
            return await self._forge.find_check(remembered)
        if self._found is None:
            self._found = await self._forge.find_checks(self._want.head)
        return self._found.get(check.external_id)

    async def _comment(self) -> None:
        number, body = self._want.number, self._want.comment
        if number is None or body is None:
            return
        digest = _digest(body)
        remembered = self._memory.get(_COMMENT)
        # Forges notify people of a new comment and not of a changed one. So it is written when there is a verdict to
        # tell; before that, only the comment of an earlier run is brought up to date.
        if self._memory.get(f"{_COMMENT}:sent") == digest or (remembered == "" and not self._run.over):
            return
        # Looked up also where its id is known: a newer run of the same pull request may have taken it over.
        found = await self._forge.find_comment(number, MARKER)
        if found is None and not self._run.over:
            self._memory[_COMMENT] = ""
            return
        if found is None:
            self._memory[_COMMENT] = await self._forge.create_comment(number, body)
        elif not self._superseded(found.body):
            self._memory[_COMMENT] = await self._replace(number, found.id, body)
        self._memory[f"{_COMMENT}:sent"] = digest

    async def _replace(self, number: int, comment_id: str, body: str) -> str:
        try:
            await self._forge.update_comment(comment_id, body)
        except ForgeGone:  # deleted since it was found
            return await self._forge.create_comment(number, body)
        return comment_id

    def _superseded(self, body: str) -> bool:
        """Whether the comment speaks of a newer run, whose verdict an older one must not hide."""
        shown = written_by(body)
        return shown is not None and shown[0] != self._run.id and shown[1] > self._run.created_at


def _memory_name(check: Check) -> str:
    _, slash, job = check.external_id.partition("/")
    return f"check:{job}" if slash else "summary"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
