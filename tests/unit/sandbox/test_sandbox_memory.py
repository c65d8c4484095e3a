"""The kernel's count, read where each kind of engine has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.memory import killed_for_memory

V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V2 = "low 0\nhigh 0\nmax 12\noom 3\noom_kill {}\noom_group_kill 0\n"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("memory/docker/abc/memory.oom_control", V1),
        ("memory/system.slice/docker-abc.scope/memory.oom_control", V1),
        ("docker/abc/memory.events", V2),
        ("system.slice/docker-abc.scope/memory.events", V2),
    ],
)
def test_it_is_found_at_each_of_the_usual_places(tmp_path: Path, place: str, text: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(text.format(0))
    assert not killed_for_memory("abc", tmp_path)
    file.write_text(text.format(2))
    assert killed_for_memory("abc", tmp_path)
    assert not killed_for_memory("another", tmp_path)


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert not killed_for_memory("abc", tmp_path)
