"""Each way in which an attempt ends, on real gVisor. The `lab` fixture checks that no container is left."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import docker
import pytest

from models.errors import InfrastructureError, StaleWrite
from models.logs import LogChunk, LogSource
from models.result import AttemptResult, Cause, Outcome
from models.settings import SandboxSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from tests.integration.sandbox.conftest import Laboratory

HOG = "python3 -c 'x = []\nwhile True: x.append(bytearray(10_000_000))'"


def ended(result: AttemptResult) -> tuple[Outcome, Cause]:
    return result.outcome, result.cause


def test_git_lfs_pointers_are_named_in_the_log(lab: Laboratory) -> None:
    lab.tree = {"logo.psd": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4" * 64 + b"\nsize 9\n"}
    assert lab.run("cat logo.psd").outcome is Outcome.PASSED
    assert "1 file is a Git LFS pointer, not the content, which is not fetched: logo.psd" in lab.told


def test_all_steps_pass(lab: Laboratory) -> None:
    lab.tree = {"dir/hello.txt": b"hello from the tree\n"}
    result = lab.run("cat dir/hello.txt", "echo second")
    assert ended(result) == (Outcome.PASSED, Cause.EXIT)
    assert result.exit_code == 0
    assert (result.runtime, result.unsafe) == ("delta-runsc", False)
    assert lab.output == "hello from the tree\nsecond\n"
    assert "step 1 of 2: cat dir/hello.txt\n" in lab.told
    assert "step 2 of 2 ended: exit code 0" in lab.told


def test_the_first_step_that_fails_ends_the_job_and_is_named(lab: Laboratory) -> None:
    result = lab.run("true", "echo before; (exit 7); echo behind", "echo never")
    assert ended(result) == (Outcome.FAILED, Cause.EXIT)
    assert (result.exit_code, result.step) == (7, 1)
    assert "step 2 of 3 ended with exit code 7" in result.detail
    assert lab.output == "before\n"


def test_a_failure_within_a_pipe_counts(lab: Laboratory) -> None:
    assert lab.run("false | cat").outcome is Outcome.FAILED


def test_both_outputs_are_one_in_the_order_of_writing(lab: Laboratory) -> None:
    lab.run("for n in 1 2 3 4 5; do echo out $n; echo err $n >&2; done")
    assert lab.output == "".join(f"out {n}\nerr {n}\n" for n in range(1, 6))


def test_a_step_sees_the_jobs_variables_and_the_files_of_the_step_before(lab: Laboratory) -> None:
    result = lab.run("echo $CI $DELTA $HOME $MINE > seen; X=lost", "cat seen; echo X=$X", env={"MINE": "a b"})
    assert result.outcome is Outcome.PASSED
    assert lab.output == "true true /home/runner a b\nX=\n"


def test_variables_of_the_job_do_not_change_how_its_source_is_unpacked(lab: Laboratory) -> None:
    lab.tree = {"kept": b"kept\n"}
    tricks = {"TAR_OPTIONS": "--exclude=*", "LD_PRELOAD": "/workspace/kept", "LC_ALL": "C"}
    result = lab.run("cat kept 2> /dev/null; echo $TAR_OPTIONS $LC_ALL", env=tricks)
    assert result.outcome is Outcome.PASSED
    assert lab.output.endswith("kept\n--exclude=* C\n")


def test_variables_called_as_the_unpacking_shells_might_be_reach_the_first_step(lab: Laboratory) -> None:
    names = ("word", "line", "max", "tries", "round", "found", "socket", "name", "port")
    lab.run(f"echo {' '.join(f'${name}' for name in names)}", env={name: f"my-{name}" for name in names})
    assert lab.output.split() == [f"my-{name}" for name in names]


def test_a_large_tree_is_whole_before_the_first_step_begins(lab: Laboratory) -> None:
    lab.tree = {f"d{number % 40}/f{number}": bytes([number % 251]) * 10_000 for number in range(2000)}
    lab.tree["z/last"] = b"the last\n"
    assert lab.run("find . -type f | wc -l; cat z/last").outcome is Outcome.PASSED
    assert lab.output == "2001\nthe last\n"


def test_output_arrives_while_the_job_runs(lab: Laboratory) -> None:
    """Given a job that never ends by itself, when its first line is seen it is cancelled: so it was seen in time."""

    def seen(chunk: LogChunk) -> None:
        if "first line" in chunk.text and "step" not in chunk.text:
            lab.cancelled.set()

    lab.seen = seen
    result = lab.run("echo 'first line'; tail -f /dev/null")
    assert ended(result) == (Outcome.CANCELLED, Cause.CANCELLED)
    assert lab.told.endswith("cancelled\n")


def test_cancelled_before_it_began(lab: Laboratory) -> None:
    lab.cancelled.set()
    assert lab.run("echo never").outcome is Outcome.CANCELLED
    assert lab.output == ""


def test_wall_time_ends_a_job_that_obeys_sigterm(lab: Laboratory) -> None:
    result = lab.run("trap 'echo cleaned up; exit 0' TERM; sleep 600 & wait", timeout_s=1)
    assert ended(result) == (Outcome.TIMED_OUT, Cause.WALL_TIME)
    assert result.step == 0
    assert "cleaned up" in lab.output
    assert "killed" not in lab.told


def test_wall_time_ends_a_job_that_ignores_sigterm(lab: Laboratory) -> None:
    result = lab.run("trap '' TERM; touch made; while true; do sleep 1; done", timeout_s=0.5, artifacts=("made",))
    assert ended(result) == (Outcome.TIMED_OUT, Cause.WALL_TIME)
    assert "the sandbox is killed" in lab.told
    assert "artifact" not in lab.told  # the dead give nothing


def test_wall_time_counts_for_all_steps_together(lab: Laboratory) -> None:
    result = lab.run("true", "sleep 600", timeout_s=1)
    assert ended(result) == (Outcome.TIMED_OUT, Cause.WALL_TIME)
    assert result.step == 1


@pytest.mark.parametrize(
    "command",
    [
        HOG,
        f"{HOG} || exit 3",
        "dd if=/dev/zero of=big bs=1M",
        "dd if=/dev/zero of=/dev/shm/x bs=1M & cat /dev/zero | tail",
    ],
    ids=["the step itself", "a child only", "files in the workspace", "a pipe"],
)
def test_memory_is_named_as_the_cause(lab: Laboratory, command: str) -> None:
    result = lab.run(command, resources={"memory_mb": 200, "workspace_mb": 1024})
    assert ended(result) == (Outcome.FAILED, Cause.OUT_OF_MEMORY)
    assert result.exit_code
    assert "200 MB of memory" in result.detail


def test_a_job_that_survives_the_death_of_a_child_passes_and_the_log_says_so(lab: Laboratory) -> None:
    result = lab.run(f"{HOG} || echo went on", resources={"memory_mb": 200})
    assert ended(result) == (Outcome.PASSED, Cause.EXIT)
    assert "a process was killed: the job reached its 200 MB of memory" in lab.told


def test_a_full_workspace_is_an_ordinary_error(lab: Laboratory) -> None:
    result = lab.run("dd if=/dev/zero of=big bs=1M", resources={"workspace_mb": 32})
    assert ended(result) == (Outcome.FAILED, Cause.EXIT)
    assert "No space left on device" in lab.output


def test_a_process_left_in_the_background_does_not_hold_the_job_up(lab: Laboratory) -> None:
    assert lab.run("sleep 600 & setsid sleep 600 & echo done", timeout_s=60).outcome is Outcome.PASSED


def test_a_missing_runtime_is_refused_with_what_to_do(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.spec.GVISOR", "delta-not-there")
    result = lab.run("true")
    assert ended(result) == (Outcome.ERRORED, Cause.REFUSED)
    assert "make setup" in result.detail


def test_a_missing_image_is_refused_with_what_to_do(lab: Laboratory) -> None:
    lab.image = "delta/not-there:1"
    result = lab.run("true")
    assert ended(result) == (Outcome.ERRORED, Cause.REFUSED)
    assert "delta/not-there:1" in result.detail
    assert "make setup" in result.detail


def test_an_engine_that_does_not_answer_is_an_error_of_the_sandbox(lab: Laboratory) -> None:
    url, lab.docker_url = lab.docker_url, "unix:///nonexistent/docker.sock"
    result = lab.run("true")
    lab.docker_url = url
    assert ended(result) == (Outcome.ERRORED, Cause.SANDBOX)


def test_a_source_that_breaks_is_an_error_of_the_sandbox(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def broken() -> Iterator[BinaryIO]:
        yield io.BytesIO()
        raise InfrastructureError("git archive failed")

    monkeypatch.setattr(lab, "source", broken)
    result = lab.run("true")
    assert ended(result) == (Outcome.ERRORED, Cause.SANDBOX)
    assert "errored: git archive failed" in lab.told


def test_a_tree_that_does_not_fit_is_an_error_that_says_what_to_raise(lab: Laboratory) -> None:
    lab.tree = {"big": bytes(20 * 1024 * 1024)}
    result = lab.run("true", resources={"workspace_mb": 16})
    assert ended(result) == (Outcome.ERRORED, Cause.SANDBOX)
    assert "workspace_mb" in result.detail


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, StaleWrite("the lease is lost")])
def test_whatever_is_thrown_goes_up_and_the_container_is_gone(lab: Laboratory, error: BaseException) -> None:
    def ready() -> None:
        raise error

    lab.on_ready = ready
    with pytest.raises((KeyboardInterrupt, SystemExit, StaleWrite)):
        lab.run("true")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), InfrastructureError("no limit could be set")])
def test_a_container_that_does_not_get_ready_is_removed(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def start(_: docker.APIClient, container: str) -> None:
        assert lab.left() == [container]
        raise error

    monkeypatch.setattr(docker.APIClient, "start", start)
    with suppress(KeyboardInterrupt, SystemExit):
        assert ended(lab.run("true")) == (Outcome.ERRORED, Cause.SANDBOX)


def test_a_sandbox_that_is_killed_from_outside_is_no_verdict_on_the_job(lab: Laboratory) -> None:
    """Its processes end with 137 a moment before Docker says that it is gone; so it is done more than once."""
    client = docker.APIClient(base_url=lab.docker_url)

    def seen(chunk: LogChunk) -> None:
        if "begun" in chunk.text and chunk.source is LogSource.JOB:
            client.kill(lab.left()[0])

    lab.seen = seen
    for _ in range(5):
        result = lab.run("echo begun; sleep 600")
        assert ended(result) == (Outcome.ERRORED, Cause.SANDBOX), result
    client.close()


def test_a_process_of_the_job_that_is_killed_is_a_failure_of_the_job(lab: Laboratory) -> None:
    result = lab.run("bash -c 'kill -9 $$'")
    assert (*ended(result), result.exit_code) == (Outcome.FAILED, Cause.EXIT, 137)


def test_a_log_that_cannot_be_written_is_an_error_of_the_sandbox(lab: Laboratory) -> None:
    def seen(chunk: LogChunk) -> None:
        if "hello" in chunk.text:
            raise InfrastructureError("Redis is gone")

    lab.seen = seen
    result = lab.run("echo hello")
    assert ended(result) == (Outcome.ERRORED, Cause.SANDBOX)


def test_runc_is_used_only_when_told_and_is_called_unsafe(lab: Laboratory) -> None:
    lab.settings = SandboxSettings(unsafe_runtime="runc")
    result = lab.run("id -u; cat /proc/net/dev | wc -l")
    assert ended(result) == (Outcome.PASSED, Cause.EXIT)
    assert (result.runtime, result.unsafe) == ("runc", True)
    assert "UNSAFE" in lab.told
    assert lab.output == "1000\n3\n"


def test_two_attempts_at_once_do_not_disturb_each_other(lab: Laboratory) -> None:
    results: list[AttemptResult] = []
    threads = [threading.Thread(target=lambda: results.append(lab.run("echo x > mine; ls"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.outcome for result in results] == [Outcome.PASSED] * 2
    assert lab.output == "mine\nmine\n"
