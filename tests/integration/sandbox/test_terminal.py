"""A person in a sandbox: a real terminal in a real gVisor sandbox, typed into by the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from models.result import Cause, Outcome
from models.terminal import Typed
from sandbox.container import Sandbox
from sandbox.terminal import Keyboard, attend
from tests.integration.sandbox.conftest import Laboratory


class Screen:
    """What was shown, and somebody who waits for words on it."""

    def __init__(self, keyboard: Keyboard) -> None:
        self._keyboard = keyboard
        self._shown = bytearray()
        self._script: list[tuple[bytes, Typed]] = []

    def when(self, words: str, then: Typed) -> None:
        self._script.append((words.encode(), then))

    def show(self, data: bytes) -> None:
        self._shown += data
        while self._script and self._script[0][0] in self._shown:
            self._keyboard.type(self._script.pop(0)[1])

    @property
    def text(self) -> str:
        return self._shown.decode()


@pytest.fixture
def keyboard() -> Any:
    made = Keyboard()
    yield made
    made.close()


def interacting(lab: Laboratory, keyboard: Keyboard, screen: Screen) -> None:
    def interact(sandbox: Sandbox, environment: Mapping[str, str], guard: Callable[[], None]) -> None:
        attend(sandbox, environment, keyboard, screen.show, guard)

    lab.interact = interact


def test_one_types_and_sees_in_a_sandbox_like_the_jobs(lab: Laboratory, keyboard: Keyboard) -> None:
    lab.tree = {"hello.txt": b"from the change\n"}
    screen = Screen(keyboard)
    keyboard.type(Typed(size=(33, 101)))
    screen.when("$", Typed(text="stty size; cat hello.txt; echo $COLOUR; dmesg | head -1\r"))
    screen.when("gVisor", Typed(text="exit\r"))
    interacting(lab, keyboard, screen)
    result = lab.run("true", env={"COLOUR": "mauve"})
    assert result.outcome is Outcome.PASSED
    for seen in ("33 101", "from the change", "mauve"):
        assert seen in screen.text


def test_leaving_ends_it_though_something_runs(lab: Laboratory, keyboard: Keyboard) -> None:
    screen = Screen(keyboard)
    screen.when("$", Typed(text="echo be''gun; sleep 600\r"))
    screen.when("begun", Typed(left=True))
    interacting(lab, keyboard, screen)
    assert lab.run("true").outcome is Outcome.PASSED


def test_it_ends_when_it_is_cancelled(lab: Laboratory, keyboard: Keyboard) -> None:
    shown = Event()
    lab.interact = lambda sandbox, environment, guard: attend(
        sandbox, environment, keyboard, lambda _: shown.set(), guard
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lab.run, "true")
        assert shown.wait(30)
        lab.cancelled.set()
        assert running.result().cause is Cause.CANCELLED
