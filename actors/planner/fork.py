"""What a fork may not decide about itself: where its code runs, with what and for how long, and what it may reach.

For a change from a fork these come from the base branch's `.delta.yml`, job by job. A job that the base branch does not
have, or a base branch without a usable configuration, gets the defaults. Each difference is told in a note.
"""

from __future__ import annotations

from typing import Final

from actors.planner.config import parse
from actors.planner.schema import Config, JobConfig
from models.errors import ChangeError

_POLICY_FIELDS: Final = ("image", "resources", "timeout", "retries", "concurrency", "egress", "services")


def base_policy(config: Config, base_text: str | None) -> tuple[Config, tuple[str, ...]]:
    """The fork's configuration under the base branch's policy, and a note for every job that it changed."""
    base, notes = _base_jobs(base_text)
    jobs: dict[str, JobConfig] = {}
    for name, job in config.jobs.items():
        policy = base.get(name)
        known = policy or JobConfig.model_validate({"run": ["true"]})
        taken = {
            field: getattr(known, field) for field in _POLICY_FIELDS if getattr(known, field) != getattr(job, field)
        }
        if taken:
            where = "the base branch" if policy else "the defaults, as the base branch has no such job"
            notes.append(f"`{name}`: for a fork, {_and(list(taken))} come from {where}")
        jobs[name] = job.having(**taken)
    return config.having(jobs=jobs), tuple(notes)


def _base_jobs(base_text: str | None) -> tuple[dict[str, JobConfig], list[str]]:
    if base_text is None:
        return {}, []
    try:
        return parse(base_text).jobs, []
    except ChangeError:
        return {}, ["the base branch's `.delta.yml` does not parse, so the defaults hold for this fork"]


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
