"""`delta plan`: what would run for a change of a local repository, and why. Needs no server, no Ray and no Docker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from actors.planner.decide import plan as planned
from actors.planner.gather import gather
from actors.planner.policy import NAME as POLICY_NAME
from actors.planner.policy import read_policy
from actors.planner.python.project import VERSION
from api.cli.local import default_base, digest_of
from api.cli.plan_text import print_plan
from api.plan_view import plan_view
from cluster.factbase import FactBase, facts_of
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import RunId
from models.plan import Plan
from models.settings import Settings
from sandbox.source import repository
from sandbox.source.git import resolve


def plan(
    repo: Annotated[Path, typer.Argument(help="A git repository, checked out or bare.")] = Path(),
    *,
    base: Annotated[str, typer.Option(help="What to compare with; by default the default branch.")] = "",
    head: Annotated[str, typer.Option(help="The commit to plan for; by default what is checked out.")] = "HEAD",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON, and nothing else.")] = False,
    explain: Annotated[str, typer.Option(help="Only what was decided about this job or test, and why.")] = "",
    fork: Annotated[bool, typer.Option("--fork", help="Plan as for a change that comes from a fork.")] = False,
    health: Annotated[bool, typer.Option("--health", help="Show how good plans were, and what they missed.")] = False,
    of: Annotated[str, typer.Option("--repo", help="With --health: one repository, as `delta status` shows it.")] = "",
    replay: Annotated[str, typer.Option(help="Make the plan of this run again, and say whether it is the same.")] = "",
    dismiss: Annotated[str, typer.Option(help="Close a miss that is none, by the name that --health shows.")] = "",
) -> None:
    """Say what would run for a change, what would not, and why; run nothing."""
    if health or dismiss:
        from api.cli import health as looked_at  # the store, which no plan needs

        if dismiss:
            looked_at.dismiss(Console(soft_wrap=True), dismiss)
        else:
            looked_at.show_health(Console(soft_wrap=True), of, as_json=as_json)
        return
    if replay:
        from api.cli.replay import replayed  # the store, too

        made, same = replayed(Settings(), RunId(replay))
    else:
        made, same = make(Settings(), repo.absolute(), base=base, head=head, fork=fork), True
    if as_json:
        typer.echo(plan_view(made).model_dump_json(indent=2))
    else:
        print_plan(Console(soft_wrap=True), made, explain)
        if replay:
            typer.echo("  the same plan as the run's" if same else "  NOT the plan that the run has: the rules changed")
    raise typer.Exit(0 if same else 1)


def make(settings: Settings, repo: Path, *, base: str, head: str, fork: bool = False) -> Plan:
    """The plan of a change in a local repository. Raises `CallerError` for a repository or commit that is not there."""
    found = repository.at(repo)
    base_commit = resolve(repo, base) if base else default_base(repo)
    change = Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.MANUAL,
        trust=Trust.FORK if fork else Trust.TRUSTED,
        repository=str(found.path),
        clone_url=str(found.path),
        head=resolve(repo, head),
        base=base_commit,
        head_ref=head,
        base_ref=base,
    )
    policy = read_policy(settings.policy or settings.state_dir / POLICY_NAME)
    facts = FactBase(facts_of(settings.state_dir) / f"{digest_of(found.path)}.sqlite", VERSION)
    try:
        return planned(gather(found, change, policy, facts))
    finally:
        facts.close()
        found.close()
