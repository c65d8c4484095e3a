"""What the events of all forges have in common: small models that ignore the rest, how a body is read, and what a push
is.

Own small models, because full ones reject about a third of GitHub's own examples: a field that is not needed cannot be
wrong.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json

from api.errors import Unprocessable, field_problems
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.inbox import COMMAND

BRANCH: Final = "refs/heads/"
TITLE_LIMIT: Final = 300  # characters; for people only, nothing is looked up by it

Json: TypeAlias = dict[str, object]
Sha = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
# Handed to git later on: what begins with another scheme, or with a dash, could mean something else to it.
CloneUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00-\x1f]+$", max_length=2048)]
Ref = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]+$", max_length=1024)]


def no_dots(path: str) -> str:
    """A repository's path: part of addresses that we ask, where `..` would lead elsewhere. Raises `ValueError`."""
    if {".", ".."} & set(path.split("/")):
        raise ValueError("no part of a repository's path can be . or ..")
    return path


class Part(BaseModel):
    """A piece of an event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def is_command(text: str) -> bool:
    """Whether a comment's first line speaks to Delta."""
    return text == COMMAND or text.startswith(f"{COMMAND} ")


def is_zero(sha: str) -> bool:
    """Whether it stands for no commit: a branch that is made, or deleted."""
    return not sha.strip("0")


def first_line(message: str) -> str:
    """The title of a commit or of a pull request."""
    return message.partition("\n")[0][:TITLE_LIMIT]


class Place(NamedTuple):
    """The repository that an event is of."""

    forge: Forge
    repository: str
    clone_url: str
    default_branch: str
    installation: int | None = None


def pushed(place: Place, ref: str, before: str, after: str, *, title: str, author: str, delivery: str) -> Change | None:
    """The change of a push; None for a tag, and for a branch that was deleted."""
    if not ref.startswith(BRANCH) or is_zero(after):
        return None
    branch, created = ref.removeprefix(BRANCH), is_zero(before)
    return Change(
        **place._asdict(),
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        head=CommitId(after),
        # A new branch has no commit before it; where it will go is the best there is to compare with.
        base=None if created else CommitId(before),
        head_ref=branch,
        base_ref=place.default_branch if created else branch,
        title=title,
        author=author,
        delivery=delivery,
    )


def read_json(body: bytes, forge: str) -> Json:
    """The event as data. Raises `Unprocessable`."""
    try:
        # Not json.loads: a hostile nesting depth is an error here and a RecursionError there.
        payload = from_json(body)
    except ValueError as error:
        raise Unprocessable(
            f"the body is not JSON: {error}", remedy="set the webhook's content type to application/json"
        ) from None
    if not isinstance(payload, dict):
        raise Unprocessable("the body is JSON, but not an object", remedy=f"only {forge}'s own webhooks are accepted")
    return payload


_M = TypeVar("_M", bound=Part)


def read(model: type[_M], payload: Json, forge: str) -> _M:
    """The event as one of our models. Raises `Unprocessable`, naming the field, when it is not as documented."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise Unprocessable(
            f"the event is not as {forge} documents it: {field_problems(error)}",
            remedy=f"if {forge} itself sent this, please report it with the delivery's id",
        ) from None
