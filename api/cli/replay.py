"""`delta plan --replay RUN`: a run's plan made again from its commits and receipt. Needs the store and the mirrors."""

from __future__ import annotations

import asyncio

from actors.installation import Installation
from actors.planner.decide import plan
from actors.planner.gather import gather
from actors.planner.python.project import VERSION
from cluster.factbase import FactBase, facts_of
from models.errors import CallerError, InfrastructureError, NotFound
from models.history import Recollection
from models.ids import RunId
from models.plan import Plan
from models.policy import Policy
from models.run import Run
from models.settings import Settings


def replayed(settings: Settings, run_id: RunId) -> tuple[Plan, bool]:
    """The plan, whole, and whether it is the one that the run has.

    Raises `NotFound` for an unknown run and for commits that are not in the mirror any more, `CallerError` for a run
    without a plan of its own.
    """
    installation = Installation(settings)
    run = asyncio.run(_load(installation, run_id))
    if run.plan is None or run.plan.receipt is None:
        raise CallerError(f"{run_id} has no plan that could be made again", remedy="name a run that was planned")
    receipt, change = run.plan.receipt, run.change.having(base=run.plan.base_of(run.change))
    mirror = installation.mirrors.of(change.clone_url)
    for commit in filter(None, (change.head, change.base)):
        if not mirror.has(commit):
            raise NotFound(f"the mirror has no commit {commit} any more", remedy="run it again: `delta rerun`")
    facts = FactBase(facts_of(settings.state_dir) / f"{mirror.path.stem}.sqlite", VERSION)
    try:
        policy = Policy.model_validate_json(receipt.policy)
        history = Recollection.model_validate_json(receipt.history)
        made = plan(gather(mirror, change, policy, facts, history, receipt.audit_share))
        return made, made.digest == run.plan.digest
    finally:
        facts.close()
        mirror.close()


async def _load(installation: Installation, run_id: RunId) -> Run:
    if not installation.settings.redis_url and not installation.redis.running():
        raise InfrastructureError("the server does not run", remedy="`delta up`")
    store = installation.store()
    try:
        return await store.runs.load(run_id)
    finally:
        await store.close()
