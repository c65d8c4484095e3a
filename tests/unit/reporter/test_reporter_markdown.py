from __future__ import annotations

import re

import pytest

from actors.reporter.markdown import clip, code, duration, inert, one_line

HOSTILE = [
    "@octocat look",
    "a@b.example",
    "fixes #12 and GH-34 and octocat/hello#56",
    "fixes !12 and octocat/hello!56",
    "https://evil.example/x and www.evil.example",
    "<img src=x onerror=alert(1)> &lt;b&gt;",
    "[click](https://evil.example) ![x](y)",
    "`rm -rf` **bold** _it_ ~~no~~ | cell |",
    "first\nsecond\r\n# heading\n\n> quote",
    "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
    "$\\frac{1}{2}$",
    'see !12, group/project!3, ~bug, ~"two words", %milestone, &4 and $5',
    "\x1b[31mred\x1b[0m \u202egnp.exe \x00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_elsewhere_stays_active(text: str) -> None:
    safe = inert(text)
    assert "\n" not in safe
    assert not re.search(r"@\w", safe)
    assert not re.search(r"[#!]\d", re.sub(r"&#\d+;", "", safe))
    assert not re.search(r'[!~%&$][\w"]', re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), safe))
    assert "://" not in safe
    assert "www." not in safe
    assert not re.search(r"\bGH-\d", safe)
    assert not re.search(r"\b[0-9a-f]{40}\b", safe)
    assert not re.search(r"[<>|$\x00-\x1f\u202e]", safe)
    assert not re.search(r"(?<!\\)[`*_\[\]~]", safe)


def test_prose_stays_readable() -> None:
    assert inert("src/app.py changed (3 files)") == "src/app.py changed (3 files)"


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "a|b", "a\\|b", "\\", "@octocat", "<b>", "x\ny"])
def test_code_is_one_span_or_one_element(text: str) -> None:
    shown = code(text)
    assert "\n" not in shown
    assert re.fullmatch(r"`[^`|\\]+`|<code>[^<>`|\\]*</code>", shown)


def test_code_of_nothing_is_not_an_open_span() -> None:
    assert code("") == "`?`"


def test_one_line_is_bounded_before_anything_is_done_with_it() -> None:
    assert len(one_line("x" * 10_000_000, 100)) == 100


def test_clip_keeps_what_fits() -> None:
    assert clip("short", 100) == "short"


@pytest.mark.parametrize("fence", ["```", "~~~~", "``````````"])
def test_clip_closes_an_open_code_block(fence: str) -> None:
    text = f"intro\n{fence}python\n" + "line\n" * 100
    cut = clip(text, 120)
    assert len(cut) <= 120
    assert cut.splitlines()[-2:] == [fence, "… (cut)"]


def test_clip_leaves_closed_blocks_alone() -> None:
    text = "```\ncode\n```\n" + "prose\n" * 100
    assert clip(text, 120).count("```") == 2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (-1, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (185, "3 min 5 s"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
