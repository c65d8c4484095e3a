"""The planner as an actor: fetches what the decision needs into a bare mirror, and decides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Lock

from actors.planner.credentials import authorization
from actors.planner.decide import plan
from actors.planner.gather import gather
from actors.planner.policy import read_policy
from actors.planner.python.project import VERSION
from cluster.factbase import FactBase
from models.change import Change
from models.plan import Plan
from models.settings import GitHubSettings
from sandbox.source.mirror import Mirror, Mirrors


class Planner:
    """Plans one change of a repository at a time. `policy` is the operator's file, `facts` a folder of `FactBase`s."""

    def __init__(
        self, mirrors: Mirrors, policy: Path, github: GitHubSettings | None = None, facts: Path | None = None
    ) -> None:
        self._mirrors = mirrors
        self._policy = policy
        self._github = github or GitHubSettings()
        self._facts = facts
        self._bases: dict[Path, tuple[FactBase, Lock]] = {}

    async def start(self) -> None:
        """Nothing to load: the planner reads what it needs when it is asked."""

    async def plan(self, change: Change) -> Plan:
        """The plan of a change. Raises `ChangeError` for a bad configuration, `NotFound` for a missing commit."""
        return await asyncio.to_thread(self._plan, change)

    def _plan(self, change: Change) -> Plan:
        mirror = self._mirrors.of(change.clone_url)
        credential = authorization(self._github, change.clone_url)
        mirror.ensure(change.head, ref=change.fetch_ref, authorization=credential)
        if change.base is not None:
            mirror.ensure(change.base, authorization=credential)
        base, turn = self._base(mirror)
        with turn:
            return plan(gather(mirror, change, read_policy(self._policy), base))

    def _base(self, mirror: Mirror) -> tuple[FactBase, Lock]:
        """What is known of this repository's files. Two threads that ask for the first time make two, and one stays."""
        known = self._bases.get(mirror.path)
        if known is None:
            path = None if self._facts is None else self._facts / f"{mirror.path.stem}.sqlite"
            known = self._bases.setdefault(mirror.path, (FactBase(path, VERSION), Lock()))
        return known
