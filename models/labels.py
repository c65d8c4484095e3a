"""Labels: what a node can do, and a job needs. Pure; to Ray each is a custom resource of the node.

A label is a capability and never used up, so a task takes next to nothing of it. Its name has a prefix, so that none of
Ray's own resources can be meant by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import TypeAdapter

from models.notation import spelt

Label = Annotated[
    str, *spelt(r"[a-z0-9][a-z0-9-]{0,62}", "a label is 1 to 63 of a-z, 0-9 and `-`, and does not begin with `-`")
]
_LABEL: Final[TypeAdapter[str]] = TypeAdapter(Label)
_PREFIX: Final = "label-"
_SHARE: Final = 0.0001  # Ray counts no finer


def labels_in(text: str) -> tuple[str, ...]:
    """The labels of a setting, divided by commas. Raises `ValueError` for what is none."""
    return tuple(_LABEL.validate_python(label) for each in text.split(",") if (label := each.strip()))


def offered(labels: Iterable[str]) -> dict[str, float]:
    """What a Ray node with these labels has."""
    return dict.fromkeys((f"{_PREFIX}{label}" for label in labels), 1.0)


def asked_for(labels: Iterable[str]) -> dict[str, float]:
    """What a Ray task that needs these labels takes."""
    return dict.fromkeys(offered(labels), _SHARE)
