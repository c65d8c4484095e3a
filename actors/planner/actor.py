"""The planner as an actor: fetches what the decision needs into a bare mirror, and decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from actors.planner.config import NAME
from actors.planner.credentials import Home, authorization
from actors.planner.decide import plan
from actors.planner.describe import MAX_DIFF_BYTES, Described, describe
from actors.planner.gather import gather
from actors.planner.history import History
from actors.planner.mend import mended
from actors.planner.policy import read_policy
from actors.planner.probing import probe_plan
from actors.planner.python.project import VERSION
from actors.planner.sampling import audit_plan
from cluster.factbase import FactBase
from models.change import Change, ChangeKind
from models.errors import NotFound
from models.history import Recollection
from models.ids import RunId
from models.plan import Plan
from models.proposal import Proposal
from sandbox.source.mirror import Mirror, Mirrors


class Planner:
    """Plans one change of a repository at a time. `policy` is the operator's file, `facts` a folder of `FactBase`s.

    Without a `past`, nothing is learned and nothing asked.
    """

    def __init__(
        self,
        mirrors: Mirrors,
        policy: Path,
        credentials: Sequence[Home] = (),
        facts: Path | None = None,
        past: History | None = None,
        audit_share: float = 0.0,
    ) -> None:
        self._mirrors = mirrors
        self._policy = policy
        self._credentials = credentials
        self._past = past
        self._audit_share = audit_share
        self._facts = facts
        self._bases: dict[Path, tuple[FactBase, Lock]] = {}

    async def start(self) -> None:
        """Nothing to load: the planner reads what it needs when it is asked."""

    async def plan(self, change: Change) -> Plan:
        """The plan of a change. Raises `ChangeError` for a bad configuration, `NotFound` for a missing commit."""
        return (await self._planned(change)).brief()

    async def _planned(self, change: Change) -> Plan:
        if self._past is None:
            change = await asyncio.to_thread(self._based, change)
            return (await asyncio.to_thread(self._plan, change, Recollection()))[0]
        if change.audits is not None:
            return await self._audit(self._past, change.audits)
        if change.probe is not None:
            about, policy = await self._past.run(change.probe.run), await asyncio.to_thread(read_policy, self._policy)
            return probe_plan(change, about, policy)
        change = await asyncio.to_thread(self._based, change)
        recalled = await self._past.recall(change, lambda: self._described(change))
        made, files = await asyncio.to_thread(self._plan, change, recalled)
        if made.jobs or made.skipped or made.refused:
            return made
        likes = await self._past.similar(change.repository, files)  # nothing says what to run
        return (await asyncio.to_thread(self._plan, change, recalled.having(similar=likes)))[0] if likes else made

    async def mend(self, change: Change) -> Proposal | None:
        """The change's `.delta.yml` with its obvious typos corrected; None where that is not all that is wrong."""
        return await asyncio.to_thread(self._mend, change)

    def _mend(self, change: Change) -> Proposal | None:
        text = self._mirrored(change).root(change.head).read([NAME]).get(NAME, b"")
        return mended(text.decode(errors="replace"))

    async def learn(self, run_id: RunId) -> Change | None:
        """Remembers how a run ended; the change of the audit that is to follow, where there is one."""
        if self._past is None:
            return None
        run = await self._past.run(run_id)
        if run.plan is None:
            return None
        files = await asyncio.to_thread(lambda: self._mirrored(run.change).tree(run.change.head).files)
        if run.change.audits is not None:
            await self._past.learn_audit(run, await self._past.run(run.change.audits), files)
            return None
        judged = run.change.having(base=run.plan.base_of(run.change))
        return await self._past.learn(run, files, await asyncio.to_thread(self._described, judged))

    async def _audit(self, past: History, audited: RunId) -> Plan:
        """What was drawn is in the plan of the run; the policy may have changed since."""
        run = await past.run(audited)
        if run.plan is None:
            raise NotFound(f"run {audited} has no plan that could be audited")
        return audit_plan(run.id, run.plan, await asyncio.to_thread(read_policy, self._policy))

    def _plan(self, change: Change, recalled: Recollection) -> tuple[Plan, Sequence[str]]:
        """The plan, and the files of the tree."""
        mirror = self._mirrored(change)
        base, turn = self._base(mirror)
        with turn:
            inputs = gather(mirror, change, read_policy(self._policy), base, recalled, self._audit_share)
            return plan(inputs), inputs.files

    def _based(self, change: Change) -> Change:
        """The change with where its target branch is now as its base, where the event named no commit of it."""
        if change.base is not None or change.kind is not ChangeKind.PULL_REQUEST or not change.base_ref:
            return change
        credential = authorization(self._credentials, change.clone_url)
        tip = self._mirrors.of(change.clone_url).tip(change.base_ref, authorization=credential)
        return change.having(base=tip)

    def _described(self, change: Change) -> Described:
        """What the change is about."""
        mirror = self._mirrored(change)
        merge_base = None if change.base is None else mirror.merge_base(change.base, change.head)
        if merge_base is None:
            return describe([], "")
        paths = [file.path for file in mirror.changed(merge_base, change.head)]
        return describe(paths, mirror.diff_text(merge_base, change.head, MAX_DIFF_BYTES))

    def _mirrored(self, change: Change) -> Mirror:
        """The mirror, with both ends of the change in it."""
        mirror = self._mirrors.of(change.clone_url)
        credential = authorization(self._credentials, change.clone_url)
        mirror.ensure(change.head, ref=change.fetch_ref, authorization=credential)
        if change.base is not None:
            mirror.ensure(change.base, authorization=credential)
        return mirror

    def _base(self, mirror: Mirror) -> tuple[FactBase, Lock]:
        """What is known of this repository's files. Two threads that ask for the first time make two, and one stays."""
        known = self._bases.get(mirror.path)
        if known is None:
            path = None if self._facts is None else self._facts / f"{mirror.path.stem}.sqlite"
            known = self._bases.setdefault(mirror.path, (FactBase(path, VERSION), Lock()))
        return known
