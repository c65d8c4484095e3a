"""The planner as an actor: reads what the decision needs out of a bare mirror, and decides."""

from __future__ import annotations

import asyncio

from actors.planner.config import NAME
from actors.planner.decide import PlanInputs, plan
from actors.planner.tree import manifest_paths
from models.change import Change
from models.plan import Plan
from sandbox.source.mirror import Mirror, Mirrors


class Planner:
    """Plans one change at a time per thread; keeps nothing between changes."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    async def start(self) -> None:
        """Nothing to load: the planner reads what it needs when it is asked."""

    async def plan(self, change: Change) -> Plan:
        """The plan of a change. Raises `ChangeError` for a bad configuration, `NotFound` for a missing commit."""
        return await asyncio.to_thread(self._plan, change)

    def _plan(self, change: Change) -> Plan:
        mirror = self._mirrors.of(change.clone_url)
        mirror.ensure(change.head, ref=change.fetch_ref)
        return plan(_inputs(mirror, change))


def _inputs(mirror: Mirror, change: Change) -> PlanInputs:
    merge_base = None
    if change.base is not None:
        mirror.ensure(change.base)
        merge_base = mirror.merge_base(change.base, change.head)
    files = mirror.files(change.head)
    manifests = {path: mirror.read(change.head, path) for path in manifest_paths(files)}
    return PlanInputs(
        change=change,
        merge_base=merge_base,
        shallow=mirror.is_shallow(),
        changed=() if merge_base is None else mirror.changed(merge_base, change.head),
        files=files,
        config_text=_text(mirror.read(change.head, NAME)),
        # The base branch's present one, not the merge base's: a fork could choose a merge base whose policy is lax.
        base_config_text=None if change.base is None else _text(mirror.read(change.base, NAME)),
        read={path: content for path, content in manifests.items() if content is not None},
    )


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")
