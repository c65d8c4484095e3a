"""Removing a container, with an engine that answers as it is told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from docker.errors import APIError

from sandbox.engine import remove
from sandbox.shim import end_shim

ID = "f" * 64
DYING = "tried to kill container, but did not receive an exit event"


def engine(*answers: tuple[int, str] | None) -> tuple[Any, list[str]]:
    """A client, and the names that it was asked to remove. An answer of None is success."""
    left, asked = list(answers), []

    def remove_container(name: str, **_: object) -> None:
        asked.append(name)
        answer = left.pop(0)
        if answer is not None:
            response = requests.Response()
            response.status_code = answer[0]
            raise APIError("refused", response=response, explanation=answer[1])

    def containers(**_: object) -> list[dict[str, str]]:
        return [{"Id": "an-id-that-no-process-has"}]

    return SimpleNamespace(api=SimpleNamespace(remove_container=remove_container, containers=containers)), asked


@pytest.mark.parametrize("answers", [[None], [(404, "no such container")], [(409, "is in progress")]])
def test_one_that_is_gone_or_going_is_removed(answers: Sequence[tuple[int, str] | None]) -> None:
    client, asked = engine(*answers)
    remove(client, "name")
    assert asked == ["name"]


def test_one_that_takes_its_time_to_die_is_asked_for_again() -> None:
    client, asked = engine((500, DYING), (500, DYING), None)
    remove(client, "name")
    assert len(asked) == 3


@pytest.mark.parametrize("answers", [[(500, DYING)] * 3, [(500, "device or resource busy")]])
def test_what_docker_refuses_for_good_is_raised(answers: Sequence[tuple[int, str] | None]) -> None:
    client, asked = engine(*answers)
    with pytest.raises(APIError):
        remove(client, "name")
    assert len(asked) == len(answers)


def test_the_shim_of_one_that_does_not_die_is_ended_and_no_other_process() -> None:
    """Given programs that are called as the shim is, and as it is not, with the container's id among their words."""
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    shim = subprocess.Popen(
        ["containerd-shim-test", *sleep[1:], "-id", ID], executable=sleep[0], stdout=subprocess.PIPE
    )
    other = subprocess.Popen([*sleep, "-id", ID], stdout=subprocess.PIPE)
    try:
        for started in (shim, other):
            assert started.stdout is not None
            started.stdout.readline()
        assert end_shim(ID)
        assert shim.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        assert not end_shim("an-id-that-no-process-has")
    finally:
        for started in (shim, other):
            started.kill()
            started.communicate()
