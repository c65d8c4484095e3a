"""Trains `model.json` and `compared.json`, and prints what both reach on repositories that they have not seen.

    python -m actors.analyzer.ranker.train LOGS PAIRS

Not part of the product: it needs LightGBM and labelled logs, and is run by hand. Both folders hold the logs and
`labels.jsonl` (`repo`; `log`; `spans`: first and last lines that explain the failure, from 1, which are `alternatives`
or `parts`; `passed`: logs of the same job that passed). The models that ship were trained on
- LOGS: 399 failed Travis CI logs of 40 repositories of LogChunks (Brandt, Panichella, Zaidman, Beller: "LogChunks: A
  Data Set for Build Log Analysis", MSR 2020);
- PAIRS: 36 failed logs of 28 repositories, each with one that passed, of CiDiff (LaBRI).
PAIRS are few and of few tools. So each of LOGS is a pair as well, of little weight, with what the most similar log of
its repository wrote before that one failed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from actors.analyzer.normalize import clean
from actors.analyzer.ranker.choose import MAX_LINES, beside_table, news, piece
from actors.analyzer.ranker.compare import compared
from actors.analyzer.ranker.features import features
from actors.analyzer.ranker.trees import ALONE, COMPARED, Model, scores

Array = Any  # of NumPy, for a library without types
SETTINGS = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 15, "min_child_samples": 40, "feature_fraction": 0.5,
    "lambda_l2": 5, "verbose": -1, "seed": 1, "deterministic": True,
}  # fmt: skip
# There are few pairs: small steps, and each tree sees a part of the lines and of the columns.
PAIR_SETTINGS = {
    **SETTINGS, "learning_rate": 0.06, "min_child_samples": 15, "feature_fraction": 0.4, "lambda_l2": 10,
    "path_smooth": 5, "bagging_fraction": 0.8, "bagging_freq": 1,
}  # fmt: skip
TREES = 80
FOLDS = 8
TAIL_LINES = 13_000
OTHERS = 1_500  # lines of a log that explain nothing, drawn by chance
PAIR_OTHERS = 400  # the same of a made pair
MADE = 0.1  # what a made pair weighs
AFTER = 0.3  # what its lines after the explanation weigh: they may well be part of one
MADE_LINES = 6_000  # of a longer log no pair is made
LEAST_PASSED = 30


class Log:
    """One labelled log."""

    def __init__(self, folder: Path, label: dict[str, Any]) -> None:
        raw = _lines(folder / label["log"])
        self.repo: str = label["repo"]
        self.first = max(0, len(raw) - TAIL_LINES)
        self.lines = [clean(line) for line in raw[self.first :]]
        self.spans: list[list[int]] = label["spans"]
        self.alternatives: bool = label["extra"].get("spans_are") == "alternatives"
        self.passed = [_lines(folder / path) for path in label["passed"]]
        self.table = features(self.lines)
        self.truth = np.zeros(len(self.lines), dtype=np.int8)
        for first, last in self.spans:
            self.truth[max(0, first - 1 - self.first) : max(0, last - self.first)] = 1

    def weights(self) -> Array:
        """Each log counts about the same, however long it or its explanation is."""
        told = int(self.truth.sum())
        others = max(1, len(self.truth) - told)
        return np.where(self.truth == 1, 8.0 / np.sqrt(max(1, told)), min(1.0, OTHERS / others) * 0.15)

    def before(self) -> list[str]:
        """What was written before it failed."""
        return self.lines[: max(0, min(first for first, _ in self.spans) - 1 - self.first)]


class Pair:
    """A log beside what passed. `made` of two logs that failed, or true."""

    def __init__(self, log: Log, passed: Sequence[Sequence[str]], judged: Array, *, made: bool) -> None:
        self.log, self.made = log, made
        self.beside = compared(log.lines, passed, judged)
        self.table = beside_table(self.beside, log.table)

    def rows(self, chance: np.random.Generator) -> tuple[Array, Array, Array]:
        """The new lines, whether they explain, and their weights."""
        new, truth = self.beside.new, self.log.truth == 1
        told, others = int((new & truth).sum()), max(1, int((new & ~truth).sum()))
        weights = np.where(truth, 10 / np.sqrt(max(1, told)), 10 / np.sqrt(others))
        keep = new.copy()
        if self.made:
            weights = MADE * np.where(~truth & (np.arange(len(new)) > np.flatnonzero(truth)[-1]), AFTER, 1) * weights
            keep &= truth | (chance.random(len(new)) < PAIR_OTHERS / max(1, int(new.sum())))
        return self.table[keep], truth[keep], weights[keep]


def _lines(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8", "replace").split("\n")


def read(folder: Path) -> list[Log]:
    """All labelled logs."""
    labels = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    return [Log(folder, label) for label in labels if label["spans"]]


def trained(logs: Sequence[Log]) -> Any:  # noqa: ANN401 - LightGBM's booster
    """A booster for logs alone."""
    chance = np.random.RandomState(0)
    kept = [(log.truth == 1) | (chance.rand(len(log.truth)) < OTHERS / len(log.truth)) for log in logs]
    rows = [(log.table[keep], log.truth[keep], log.weights()[keep]) for log, keep in zip(logs, kept, strict=True)]
    return _boosted(SETTINGS, rows)


def trained_pairs(pairs: Sequence[Pair]) -> Any:  # noqa: ANN401 - as above
    """A booster for logs with passing ones."""
    chance = np.random.default_rng(0)
    return _boosted(PAIR_SETTINGS, [pair.rows(chance) for pair in pairs])


def _boosted(settings: dict[str, Any], rows: Sequence[tuple[Array, Array, Array]]) -> Any:  # noqa: ANN401 - as above
    lightgbm = import_module("lightgbm")
    table, truth, weights = (np.concatenate(part) for part in zip(*rows, strict=True))
    return lightgbm.train(settings, lightgbm.Dataset(table, truth, weight=weights), TREES)


def unseen(items: Sequence[Any], repo: Callable[[Any], str], train: Callable[[list[Any]], Any]) -> list[Array]:
    """The log odds of each item's lines, by a model that has not learned from the item's repository."""
    repos = sorted({repo(item) for item in items})
    np.random.default_rng(0).shuffle(repos)
    fold = [repos.index(repo(item)) % FOLDS for item in items]
    found: list[Array] = [None] * len(items)
    for out in range(FOLDS):
        booster = train([item for item, at in zip(items, fold, strict=True) if at != out])
        for at, item in enumerate(items):
            if fold[at] == out:
                found[at] = booster.predict(item.table, raw_score=True).astype(np.float32)
    return found


def made_pairs(logs: Sequence[Log], judged: Sequence[Array]) -> list[Pair]:
    """Each log beside the beginning of the one of its repository that shares the most lines with it."""
    texts = [set(log.lines) for log in logs]
    found = []
    for at, log in enumerate(logs):
        alike = [
            (len(texts[at] & texts[other]) / len(texts[at] | texts[other]), other)
            for other in range(len(logs))
            if other != at and logs[other].repo == log.repo and len(logs[other].before()) >= LEAST_PASSED
        ]
        if alike and len(log.lines) <= MADE_LINES:
            pair = Pair(log, [logs[max(alike)[1]].before()], judged[at], made=True)
            if (pair.beside.new & (log.truth == 1)).any():
                found.append(pair)
    return found


def written(booster: Any, model: Model) -> None:  # noqa: ANN401 - as above
    """The booster as `trees.py` reads it."""
    trees = [_flat(info["tree_structure"]) for info in booster.dump_model()["tree_info"]]
    model.path.write_text(json.dumps({"features": model.names, "trees": trees}, separators=(",", ":")) + "\n")


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


def score(log: Log, found: Sequence[int]) -> tuple[float, float]:
    """F1 and recall over the texts of lines, of the best right place; no overlap counts 0."""

    def texts(places: Sequence[int]) -> Counter[str]:
        return Counter(log.lines[at].strip() for at in places if log.lines[at].strip())

    places = [range(max(0, first - 1 - log.first), last - log.first) for first, last in log.spans]
    rights = [texts(part) for part in places] if log.alternatives else [texts([at for part in places for at in part])]
    shown = texts(found)
    best = (0.0, 0.0)
    for right in rights:
        shared = sum((shown & right).values())
        if shared:
            best = max(best, (2 * shared / (sum(shown.values()) + sum(right.values())), shared / sum(right.values())))
    return best


def report(name: str, scored: Sequence[tuple[float, float]], repos: Sequence[str]) -> None:
    """Means over logs, and the interval of F1 when repositories are drawn again."""
    chance, names = np.random.default_rng(0), sorted(set(repos))
    by_repo = {repo: [row[0] for row, of in zip(scored, repos, strict=True) if of == repo] for repo in names}
    drawn = [np.mean([f1 for repo in chance.choice(names, len(names)) for f1 in by_repo[repo]]) for _ in range(2_000)]
    f1, recall = np.mean(scored, axis=0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    print(f"{name}, {len(scored)} logs unseen: F1 {f1:.3f} [{low:.3f}, {high:.3f}], recall {recall:.3f}")


def main() -> None:
    """Trains, writes and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path)
    parser.add_argument("pairs", type=Path)
    args = parser.parse_args()
    logs = read(args.logs)
    written(trained(logs), ALONE)
    judged = unseen(logs, lambda log: log.repo, trained)
    found = [score(log, piece(log.lines, odds)) for log, odds in zip(logs, judged, strict=True)]
    report("alone", found, [log.repo for log in logs])
    made = made_pairs(logs, judged)
    true = [Pair(log, log.passed, scores(log.table), made=False) for log in read(args.pairs)]
    written(trained_pairs([*true, *made]), COMPARED)
    odds = unseen(true, lambda pair: pair.log.repo, lambda pairs: trained_pairs([*pairs, *made]))
    found = [score(pair.log, news(pair.beside, some)[-MAX_LINES:]) for pair, some in zip(true, odds, strict=True)]
    report("with passing logs", found, [pair.log.repo for pair in true])


if __name__ == "__main__":
    main()
