"""All that a plan is made from: `gather` reads it out of a repository, `plan` decides on it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict, Field, SkipValidation

from actors.planner.dependencies import Meaning
from actors.planner.packages import PackageSources
from actors.planner.python.project import PythonProject
from models.change import Change
from models.history import Recollection
from models.ids import CommitId
from models.plan import ChangedFile
from models.policy import Policy
from models.record import Record


class PlanInputs(Record):
    """Made again from the same commits and the same policy, it gives the same plan.

    `merge_base` is None when there is none; `shallow` says that history was cut, so that it cannot be trusted. `files`
    are all paths of the tree at the head; `read` is the content of those that `manifest_paths` names. `config_text` is
    the head's `.delta.yml`, `base_config_text` the base branch's; None where there is none. `blobs` are the ids of the
    contents of the files, by path. `meanings` say of changed build files what their change means, as far as it is not
    anything. `python` is None where no Python file is among them, `packages` where nothing was compared. `audit_share`
    of the tests that are left out is drawn for an audit.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", arbitrary_types_allowed=True)

    change: Change
    merge_base: CommitId | None
    shallow: bool = False
    changed: tuple[ChangedFile, ...]
    files: tuple[str, ...]
    config_text: str | None = None
    base_config_text: str | None = None
    read: Mapping[str, bytes] = {}
    blobs: Mapping[str, str] = {}
    meanings: Mapping[str, Meaning] = {}
    policy: Policy = Policy()
    history: Recollection = Recollection()
    audit_share: float = 0.0
    python: SkipValidation[PythonProject | None] = Field(default=None, exclude=True)
    packages: SkipValidation[PackageSources | None] = Field(default=None, exclude=True)
