"""The two policies: the operator's `policy.yml`, and the `policy:` of the base branch's `.delta.yml`.

Both are read, checked and told about as `.delta.yml` is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.planner.config import NAME as CONFIGURATION
from actors.planner.config import told
from actors.planner.document import read_document
from models.change import Change, Trust
from models.errors import ChangeError, InfrastructureError
from models.policy import Policy, Rules, ServerRules, merged

NAME: Final = "policy.yml"


class _PolicyPart(BaseModel):
    """A configuration of which nothing but the policy is looked at: its jobs may be as wrong as they like."""

    model_config = ConfigDict(extra="ignore")

    policy: Rules = Rules()


def read_policy(path: Path) -> Policy:
    """The policy in a file, the default one where there is none.

    Raises `InfrastructureError`, with file, line and column, for one that is not understood: until it is, nothing is
    planned, because a policy that is not applied protects nobody.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise InfrastructureError(f"the policy {path} cannot be read: {error}") from error
    try:
        document = read_document(text, str(path))
        if document.data is None:
            return Policy()
        try:
            return Policy(server=ServerRules.model_validate(document.data))
        except ValidationError as error:
            raise told(str(path), ServerRules, document, error) from error
    except ChangeError as error:
        raise InfrastructureError(f"the policy is not understood: {error}", remedy="correct the file") from error


def effective(
    server: Policy, change: Change, own_text: str | None, base_text: str | None
) -> tuple[Policy, tuple[str, ...]]:
    """What holds for a change: the server's policy and the repository's. And notes for a person.

    The repository's is that of the base branch, for everybody: what a change says of it counts once it is merged. A
    change that is trusted and has no base to compare with is its own. A base branch whose policy is not understood has
    none, or nobody could correct it; the note says so.
    """
    if change.base is not None:
        return _with_repository(server, base_text, "the base branch's")
    if change.trust is Trust.TRUSTED:
        return _with_repository(server, own_text, "the change's")
    return server, ()


def repository_rules(text: str, name: str = CONFIGURATION) -> Rules:
    """The `policy:` of a configuration. Raises `ChangeError` for one that is not understood."""
    document = read_document(text, name)
    try:
        return _PolicyPart.model_validate(document.data if document.data is not None else {}).policy
    except ValidationError as error:
        raise told(name, _PolicyPart, document, error) from error


def _with_repository(server: Policy, text: str | None, whose: str) -> tuple[Policy, tuple[str, ...]]:
    if text is None:
        return server, ()
    try:
        return merged(server, repository_rules(text)), ()
    except ChangeError as error:
        return server, (f"{whose} `policy` is not understood, so only the server's holds: {error}",)
