"""The planner as an actor: reads what the decision needs out of a bare mirror, and decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.planner.config import NAME
from actors.planner.credentials import authorization
from actors.planner.decide import PlanInputs, plan
from actors.planner.policy import read_policy
from actors.planner.tree import manifest_paths
from models.change import Change, Trust
from models.plan import Plan
from models.policy import Policy
from models.settings import GitHubSettings
from sandbox.source.mirror import Mirror, Mirrors


class Planner:
    """Plans one change at a time per thread; keeps nothing between changes. `policy` is the operator's file."""

    def __init__(self, mirrors: Mirrors, policy: Path, github: GitHubSettings | None = None) -> None:
        self._mirrors = mirrors
        self._policy = policy
        self._github = github or GitHubSettings()

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
        return plan(_inputs(mirror, change, read_policy(self._policy)))


def _inputs(mirror: Mirror, change: Change, policy: Policy) -> PlanInputs:
    merge_base = None
    if change.base is not None:
        merge_base = mirror.merge_base(change.base, change.head)
    tree = mirror.tree(change.head)
    manifests = manifest_paths(tree.files)
    read = tree.read([NAME, *manifests])
    return PlanInputs(
        change=change,
        merge_base=merge_base,
        shallow=mirror.is_shallow(),
        changed=() if merge_base is None else mirror.changed(merge_base, change.head),
        files=tree.files,
        config_text=_text(read.get(NAME)),
        base_config_text=_base_config(mirror, change),
        read={path: read[path] for path in manifests if path in read},
        blobs={entry.path: entry.blob for entry in tree.entries},
        policy=policy,
    )


def _base_config(mirror: Mirror, change: Change) -> str | None:
    """The base branch's present one, not the merge base's: a fork could choose a merge base whose policy is lax."""
    if change.base is None or change.trust is not Trust.FORK:
        return None
    return _text(mirror.tree(change.base).read([NAME]).get(NAME))


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")
