"""Trains `model.json`. Not part of the product: it needs LightGBM and labelled logs, and is run by hand.

    python -m actors.analyzer.ranker.train FOLDER

FOLDER holds `labels.jsonl` (`id`, `repo`, `log`, `spans`: first and last lines that explain the failure, from 1) and
the logs. The model that ships was trained on 399 failed Travis CI logs of 40 repositories of LogChunks (Brandt,
Panichella, Zaidman, Beller: "LogChunks: A Data Set for Build Log Analysis", MSR 2020).
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from actors.analyzer.normalize import clean
from actors.analyzer.ranker.choose import chosen
from actors.analyzer.ranker.features import NAMES, features
from actors.analyzer.ranker.trees import MODEL

TREES = 80
SETTINGS = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 15, "min_child_samples": 40, "feature_fraction": 0.5,
    "lambda_l2": 5, "verbose": -1, "seed": 1, "deterministic": True,
}  # fmt: skip
TAIL_LINES = 13_000
OTHERS = 1_500  # lines of a log that explain nothing, drawn by chance


class Log:
    """One labelled log."""

    def __init__(self, folder: Path, label: dict[str, Any]) -> None:
        raw = (folder / label["log"]).read_bytes().decode("utf-8", "replace").split("\n")
        self.repo: str = label["repo"]
        self.first = max(0, len(raw) - TAIL_LINES)
        self.lines = [clean(line) for line in raw[self.first :]]
        self.spans: list[list[int]] = label["spans"]
        self.table = features(self.lines)
        self.truth = np.zeros(len(self.lines), dtype=np.int8)
        for first, last in self.spans:
            self.truth[max(0, first - 1 - self.first) : max(0, last - self.first)] = 1

    def weights(self) -> Any:  # noqa: ANN401 - an array, for a library without types
        """Each log counts about the same, however long it or its explanation is."""
        told = int(self.truth.sum())
        others = max(1, len(self.truth) - told)
        return np.where(self.truth == 1, 8.0 / np.sqrt(max(1, told)), min(1.0, OTHERS / others) * 0.15)


def trained(logs: list[Log]) -> Any:  # noqa: ANN401 - LightGBM's booster
    """A booster."""
    lightgbm = import_module("lightgbm")
    chance = np.random.default_rng(0)
    kept = [(log.truth == 1) | (chance.random(len(log.truth)) < OTHERS / len(log.truth)) for log in logs]
    data = lightgbm.Dataset(
        np.concatenate([log.table[keep] for log, keep in zip(logs, kept, strict=True)]),
        np.concatenate([log.truth[keep] for log, keep in zip(logs, kept, strict=True)]),
        weight=np.concatenate([log.weights()[keep] for log, keep in zip(logs, kept, strict=True)]),
    )
    return lightgbm.train(SETTINGS, data, TREES)


def written(booster: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """The booster as `trees.py` reads it."""
    return {"features": NAMES, "trees": [_flat(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]}


def _flat(root: dict[str, Any]) -> dict[str, list[float]]:
    tree: dict[str, list[float]] = {"feature": [], "threshold": [], "left": [], "right": [], "leaf": []}

    def add(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            tree["leaf"].append(round(node["leaf_value"], 5))
            return ~(len(tree["leaf"]) - 1)
        at = len(tree["feature"])
        tree["feature"].append(node["split_feature"])
        tree["threshold"].append(round(node["threshold"], 6))
        tree["left"].append(0)
        tree["right"].append(0)
        tree["left"][at], tree["right"][at] = add(node["left_child"]), add(node["right_child"])
        return at

    add(root)
    return tree


def main() -> None:
    """Trains and writes, or judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    labels = [json.loads(line) for line in (args.folder / "labels.jsonl").read_text().splitlines()]
    logs = [Log(args.folder, label) for label in labels if label["spans"]]
    MODEL.write_text(json.dumps(written(trained(logs)), separators=(",", ":")) + "\n")
    hit = sum(bool(set(chosen(log.lines, (), steps=False).lines) & set(np.flatnonzero(log.truth))) for log in logs)
    print(f"{len(logs)} logs learned, {hit} of them hit; on others it is worse")


if __name__ == "__main__":
    main()
