"""The operator's `policy.yml`: read, checked, and told about as `.delta.yml` is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from actors.planner.config import told
from actors.planner.document import read_document
from models.errors import ChangeError, InfrastructureError
from models.policy import Policy

NAME: Final = "policy.yml"


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
            return Policy.model_validate(document.data)
        except ValidationError as error:
            raise told(str(path), Policy, document, error) from error
    except ChangeError as error:
        raise InfrastructureError(f"the policy is not understood: {error}", remedy="correct the file") from error
