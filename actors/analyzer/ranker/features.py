"""What is seen of each line of a log before it is judged: words, shapes, place, and what stands around it.

No feature knows a project. All are numbers, one row a line, in the order of `NAMES`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float32]

_FLAGS = re.IGNORECASE
# Whether a line is of this kind: each is a feature, and is also counted in what stands around a line.
KINDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern, flags))
    for name, pattern, flags in (
        (
            "error",
            (
                r"\berr(?:or|ors)?\b[:!\])]?|\bfatal\b|\bpanic\b|\babort(?:ed|ing)?\b|\bsegmentation\b"
                r"|\bcore dumped\b"
            ),
            _FLAGS,
        ),
        (
            "error_head",
            r"^\W{0,6}(?:\w+[ :]){0,2}(?:[\w.$]*(?:error|exception|failure)|fatal|panic)\b\W*(?::|$|\[|\()",
            _FLAGS,
        ),
        ("fail", r"\bfail(?:ed|ure|ures|ing|s)?\b|\bFAIL\b", _FLAGS),
        ("upper_fail", r"\b(?:FAIL(?:ED|URE)?|ERROR|FATAL|PANIC|E)\b(?!\w)", 0),
        ("exception", r"\b\w*(?:Exception|Error|Failure)\b(?=\W|$)", 0),
        (
            "cannot",
            (
                r"\b(?:cannot|can't|could not|couldn't|unable to|not found|no such|missing|undefined|unknown|invalid"
                r"|denied|refused|unexpected|unresolved|conflict|mismatch|does(?: not|n't)|is not|not in|not allowed)\b"
            ),
            _FLAGS,
        ),
        (
            "assertion",
            r"\bassert\w*|\bexpected\b|\bactual\b|\bgot\b:?|\bto (?:equal|be|eq)\b|\bshould\b|\bdoes not match\b",
            _FLAGS,
        ),
        ("warning", r"\bwarn(?:ing|ings)?\b|\bdeprecat\w+|\bnotice\b", _FLAGS),
        (
            "traceback",
            r"Traceback \(most|^\s*Caused by:|^\s*stacktrace:|\bbacktrace\b|^\s*\.\.\. \d+ more",
            _FLAGS,
        ),
        (
            "frame",
            (
                r"^\s+at \S|^\s+from \S+:\d|^\s*File \"[^\"]+\", line|^\s*#\d+\s+(?:0x|\S+ )|^\s+# \S+:\d+"
                r"|^\s+\S+\.\w{1,5}:\d+:? ?(?:in\b|\()|^\s*\S+/\S+:\d+:in `"
            ),
            0,
        ),
        ("place", r"(?:^|[\s(\"'`])[\w./@+\\-]+\.\w{1,10}[:(]\d+", 0),
        (
            "diagnostic",
            r"^\s*\S{1,200}?[:(]\d+(?:[:,]\d+)?\)?:? ?\s*(?:fatal )?(?:error|warning|[A-Z]+\d+|[a-z-]+/[a-z-]+)\b",
            _FLAGS,
        ),
        (
            "summary",
            (
                r"\b\d+ (?:tests?|examples?|specs?|assertions?|scenarios?|passing|failing|passed|failed|failures?"
                r"|errors?|pending|problems?|offenses|warnings?)\b"
            ),
            _FLAGS,
        ),
        ("numbered", r"^\s{0,6}\d{1,3}[).] \S?", 0),
        (
            "failed_test",
            (
                r"^\s*(?:✗|✖|\u00d7|✘|●|❌|not ok\b|---? FAIL|FAIL\b|FAILED\b|!!|\[FAIL|\[\s*FAILED|F\b ?$)"
                r"|\bFAILED\s*$|\bFAIL\s*$|<<< (?:FAIL|ERR)"
            ),
            0,
        ),
        (
            "passed_test",
            (
                r"^\s*(?:✓|✔|√|ok\b|PASS\b|PASSED\b|---? PASS|\[\s*(?:OK|PASSED))"
                r"|\b(?:PASSED|PASS|OK|ok|passed|SKIPPED)\s*(?:\(.*\))?\s*$"
            ),
            0,
        ),
        (
            "section",
            (
                r"\b(?:Failures?|FAILURES|ERRORS?|Errors?|Failed tests?|Tests in error|Failing|Issues?|Problems?)\b"
                r" ?:?-?\(?\s*$|^={5,} .* ={5,}$"
            ),
            0,
        ),
        (
            "exit",
            (
                r"\bexit(?:ed|ing)?(?: with)?(?: status| code)?:? ?\(?[1-9]\d*|\bexit (?:code|status)\b"
                r"|returned (?:a )?non-zero|\bErrno\b|ELIFECYCLE|\*\*\* \["
            ),
            _FLAGS,
        ),
        (
            "npm",
            (
                r"^npm (?:ERR!|WARN|error)|^\[ERROR\]|^error Command failed|^rake aborted|^make(?:\[\d+\])?: \*\*\*"
                r"|^\* What went wrong"
            ),
            0,
        ),
        ("command", r"^\$ |^\+ |^> \S|^travis_time:start|^##\[(?:group|command)", 0),
        (
            "outer",
            (
                r"^The command \"|^travis_(?:time|fold):end|^Done\. Your build|^Your build has been stopped"
                r"|^store build cache|^##\[error\]Process completed|^section_(?:start|end)"
            ),
            0,
        ),
        (
            "fetch",
            (
                r"^\s*(?:Get:|Fetch|Download|Install|Unpack|Select|Prepar|Setting up|Receiv|Resolv|remote:|Compress"
                r"|Count|Reading|Building|Using|Collecting|Requirement|Hit:|Ign|Extracting|Pulling|Compiling|Linking"
                r"|Cloning|Updating|Checking)"
            ),
            0,
        ),
        ("progress", r"\d{1,3}%|[.]{8,}|\bETA\b|\d+/\d+", 0),
        ("code", r"^\s*(?:\||\d+ \||>|\^|~|-->)|\^\s*$|^\s*[\^~]+", 0),
        ("diff", r"^\s*[-+](?![-+]{2})\S?|^@@ |^[-+]{3} ", 0),
        ("time", r"\b\d+(?:\.\d+)? ?(?:s|ms|sec|seconds|m)\b", 0),
        ("info", r"\b(?:INFO|DEBUG|info|debug|trace|TRACE)\b", 0),
        ("url", r"https?://", 0),
    )
)
_SHAPES: Final = (
    "length",
    "indent",
    "blank",
    "letters",
    "digits",
    "upper",
    "punct",
    "repeats",
    "head_repeats",
    "ruler",
    "ends_colon",
)
_AROUND: Final = (
    "error",
    "error_head",
    "fail",
    "exception",
    "cannot",
    "assertion",
    "frame",
    "place",
    "diagnostic",
    "failed_test",
    "passed_test",
    "npm",
    "summary",
    "numbered",
    "blank",
    "fetch",
)
_PLACES: Final = (
    "from_end",
    "share",
    "to_exit",
    "after_exit",
    "from_command",
    "in_failed_step",
    "strong_before",
    "strong_after",
    "first_strong",
    "last_strong",
    "since_blank",
    "to_blank",
    "indent_change",
    "indent_next",
    "from_section",
)
NAMES: Final = (
    *(name for name, _ in KINDS),
    *_SHAPES,
    *(f"{name}@{where}" for where in ("-1", "+1", "-3", "+3", "-10", "+10") for name in _AROUND),
    *_PLACES,
)
_FAILED_EXIT: Final = re.compile(
    r"^The command \".*\" (?:exited with [1-9]|failed)|^##\[error\]Process completed with exit code|^ERROR: Job failed"
    r"|^Done\. Your build exited with [1-9]|^Your build has been stopped|exit status [1-9]\d*\s*$"
)
_COMMAND: Final = re.compile(r"^\$ \S|^travis_time:start|^##\[group\]Run|^section_start|^\[\d\dh|^> \S+@\S+ \w+")
_NUMBERS: Final = re.compile(r"\d+|0x[0-9a-f]+|\b[0-9a-f]{7,40}\b", re.IGNORECASE)


def features(lines: Sequence[str]) -> Table:
    """One row a line; `lines` are clean (no colours, no carriage returns)."""
    n = len(lines)
    kinds = np.zeros((n, len(KINDS)), dtype=np.float32)
    for column, (_, pattern) in enumerate(KINDS):
        search = pattern.search
        kinds[:, column] = [search(line) is not None for line in lines]
    shapes = _shapes(lines)
    by_name = {name: kinds[:, column] for column, (name, _) in enumerate(KINDS)}
    by_name["blank"] = shapes[:, 2]
    around = np.stack([by_name[name] for name in _AROUND], axis=1)
    near = [
        _shifted(around, -1),
        _shifted(around, 1),
        _summed(around, -3),
        _summed(around, 3),
        _summed(around, -10),
        _summed(around, 10),
    ]
    return np.concatenate([kinds, shapes, *near, _places(lines, by_name, shapes)], axis=1).astype(np.float32)


def _shapes(lines: Sequence[str]) -> Table:
    plain = [_NUMBERS.sub("#", line.strip()) for line in lines]
    often = Counter(plain)
    heads = [text[:12] for text in plain]
    head_often = Counter(heads)
    rows = []
    for line, text, head in zip(lines, plain, heads, strict=True):
        stripped = line.strip()
        size = len(stripped)
        letters = sum(map(str.isalpha, stripped[:200]))
        digits = sum(map(str.isdigit, stripped[:200]))
        upper = sum(map(str.isupper, stripped[:200]))
        seen = min(size, 200) or 1
        rows.append(
            (
                min(size, 400),
                len(line) - len(line.lstrip()) if size else 0,
                not size,
                letters / seen,
                digits / seen,
                upper / seen,
                1 - (letters + digits) / seen,
                np.log1p(often[text]),
                np.log1p(head_often[head]),
                size > 9 and len(set(stripped)) <= 3,
                stripped.endswith(":"),
            )
        )
    return np.asarray(rows, dtype=np.float32).reshape(len(lines), len(_SHAPES))


def _shifted(table: Table, by: int) -> Table:
    out = np.zeros_like(table)
    if by < 0:
        out[-by:] = table[:by]
    else:
        out[:-by] = table[by:]
    return out


def _summed(table: Table, reach: int) -> Table:
    """Sums over the `reach` lines before (negative) or after each line."""
    total = np.concatenate([np.zeros((1, table.shape[1]), dtype=np.float32), np.cumsum(table, axis=0)])
    at = np.arange(len(table))
    if reach < 0:
        return np.asarray(total[at] - total[np.maximum(at + reach, 0)], dtype=np.float32)
    return np.asarray(total[np.minimum(at + 1 + reach, len(table))] - total[at + 1], dtype=np.float32)


def _since(marks: NDArray[np.bool_]) -> Table:
    """How many lines ago the last mark was, the line itself included; very many where there is none."""
    at = np.arange(len(marks))
    last = np.maximum.accumulate(np.where(marks, at, -len(marks) - 1))
    return np.minimum(at - last, 5000).astype(np.float32)


def _places(lines: Sequence[str], kinds: dict[str, Table], shapes: Table) -> Table:
    n = len(lines)
    at = np.arange(n)
    exits = np.array([_FAILED_EXIT.search(line) is not None for line in lines], dtype=bool)
    commands = np.array([_COMMAND.search(line) is not None for line in lines], dtype=bool)
    first_exit = int(np.argmax(exits)) if exits.any() else n
    strong = (kinds["error_head"] + kinds["failed_test"] + kinds["diagnostic"] + kinds["exception"] + kinds["npm"]) > 0
    blank = shapes[:, 2] > 0
    indent = shapes[:, 1]
    to_exit = _since(exits[::-1])[::-1]
    from_command = _since(commands)
    step = np.maximum.accumulate(np.where(commands, at, 0))
    failed_step = step[first_exit - 1] if 0 < first_exit <= n else (step[-1] if n else 0)
    in_failed = (step == failed_step) & (at < first_exit)
    places = np.flatnonzero(strong)
    first_strong = (at - places[0]) if len(places) else at - n
    last_strong = (at - places[-1]) if len(places) else at - n
    columns = [
        np.log1p(n - 1 - at),
        at / max(1, n - 1),
        np.log1p(to_exit),
        at > first_exit,
        np.log1p(from_command),
        in_failed,
        np.log1p(_since(strong)),
        np.log1p(_since(strong[::-1])[::-1]),
        np.sign(first_strong) * np.log1p(np.abs(first_strong)),
        np.sign(last_strong) * np.log1p(np.abs(last_strong)),
        np.log1p(_since(blank)),
        np.log1p(_since(blank[::-1])[::-1]),
        np.concatenate([[0], np.diff(indent)]) if n else np.zeros(0),
        np.concatenate([np.diff(indent), [0]]) if n else np.zeros(0),
        np.log1p(_since(kinds["section"] > 0)),
    ]
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)
