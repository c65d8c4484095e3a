"""Sums of small decision trees, evaluated for many rows at once. The files are plain JSON, written by `train.py`.

There are two: `ALONE` judges the lines of a log by themselves, `COMPARED` beside logs of the same job that passed.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.analyzer.ranker import compare, features
from actors.analyzer.ranker.features import Table
from models.errors import InternalError

Numbers = NDArray[np.int32]
Floats = NDArray[np.float32]


class Model(NamedTuple):
    """A file, and the names of the columns that it was trained on."""

    path: Path
    names: tuple[str, ...]


ALONE: Final = Model(Path(__file__).with_name("model.json"), features.NAMES)
COMPARED: Final = Model(Path(__file__).with_name("compared.json"), (*compare.NAMES, *features.NAMES))


class _Tree(NamedTuple):
    """Inner nodes by index: a row goes left where its feature is at most the threshold; `~index` is a leaf."""

    feature: Numbers
    threshold: Floats
    left: Numbers
    right: Numbers
    leaf: Floats


@cache
def _trees(model: Model) -> tuple[_Tree, ...]:
    written: dict[str, Any] = json.loads(model.path.read_text())
    if tuple(written["features"]) != model.names:
        raise InternalError("the ranker's model was trained with other features", remedy="train it again: train.py")
    return tuple(
        _Tree(
            np.asarray(tree["feature"], dtype=np.int32),
            np.asarray(tree["threshold"], dtype=np.float32),
            np.asarray(tree["left"], dtype=np.int32),
            np.asarray(tree["right"], dtype=np.int32),
            np.asarray(tree["leaf"], dtype=np.float32),
        )
        for tree in written["trees"]
    )


def scores(table: Table, model: Model = ALONE) -> Floats:
    """One score a row: the log odds that the line belongs to what explains the failure."""
    total = np.zeros(len(table), dtype=np.float32)
    rows = np.arange(len(table))
    for tree in _trees(model):
        at = np.zeros(len(table), dtype=np.int32)
        inner = rows
        while len(inner):
            node = at[inner]
            goes_left = table[inner, tree.feature[node]] <= tree.threshold[node]
            at[inner] = np.where(goes_left, tree.left[node], tree.right[node])
            inner = inner[at[inner] >= 0]
        total += tree.leaf[~at]
    return total
