"""Artifacts out of a real sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.result import Outcome
from models.settings import SandboxSettings

if TYPE_CHECKING:
    from models.result import AttemptResult
    from tests.integration.sandbox.conftest import Laboratory


def contents(lab: Laboratory, result: AttemptResult) -> dict[str, bytes]:
    return {artifact.path: lab.blobs.content[artifact.blob] for artifact in result.artifacts}


def test_files_come_out_by_glob_and_by_folder(lab: Laboratory) -> None:
    lab.tree = {"src/a.py": b"source"}
    result = lab.run(
        "mkdir -p dist/deep; echo wheel > dist/a.whl; printf '\\0\\377' > dist/deep/b; echo no > other.txt",
        artifacts=("dist", "**/*.py"),
    )
    assert contents(lab, result) == {"dist/a.whl": b"wheel\n", "dist/deep/b": b"\0\xff", "src/a.py": b"source"}
    assert result.refused_artifacts == ()
    assert {artifact.size_bytes for artifact in result.artifacts} == {2, 6}


def test_they_are_collected_also_from_a_job_that_failed(lab: Laboratory) -> None:
    result = lab.run("echo '<testsuite/>' > junit.xml; exit 1", junit=("junit.xml",))
    assert result.outcome is Outcome.FAILED
    assert contents(lab, result) == {"junit.xml": b"<testsuite/>\n"}


def test_they_are_collected_also_from_a_job_that_obeyed_when_time_was_up(lab: Laboratory) -> None:
    result = lab.run("echo half > partial.txt; sleep 600", artifacts=("partial.txt",), timeout_s=1)
    assert result.outcome is Outcome.TIMED_OUT
    assert contents(lab, result) == {"partial.txt": b"half\n"}


def test_links_pipes_and_sockets_are_refused_and_named(lab: Laboratory) -> None:
    result = lab.run(
        "mkdir out; cd out; ln -s /etc/passwd link; ln -s / root; mkfifo pipe; echo x > one; ln one two",
        "echo fine > out/fine",
        artifacts=("out",),
    )
    assert contents(lab, result) == {"out/fine": b"fine\n"}
    assert [line.split(":")[0] for line in result.refused_artifacts] == [
        "out/link",
        "out/one",
        "out/pipe",
        "out/root",
        "out/two",
    ]


def test_a_link_in_the_path_leads_nowhere(lab: Laboratory) -> None:
    result = lab.run("ln -s /etc etc", artifacts=("etc/passwd", "etc/*", "../etc/passwd", "/etc/passwd"))
    assert result.artifacts == ()


def test_odd_names_come_out_or_are_refused_but_never_disturb(lab: Laboratory) -> None:
    result = lab.run(
        r"mkdir o; cd o; touch -- -rf 'a b' $'new\nline' $'\377' $'esc\033[2J' 'größe' --checkpoint-action=exec=id",
        artifacts=("o",),
    )
    assert {artifact.path for artifact in result.artifacts} == {
        "o/-rf",
        "o/a b",
        "o/größe",
        "o/--checkpoint-action=exec=id",
    }
    assert len(result.refused_artifacts) == 3
    assert all(line.isprintable() for line in result.refused_artifacts)


def test_size_and_number_are_bounded(lab: Laboratory) -> None:
    lab.settings = SandboxSettings(artifact_limit_mb=1, artifact_limit_count=3)
    result = lab.run(
        "mkdir o; truncate -s 100G o/bomb || true; head -c 2000000 /dev/zero > o/big",
        "for n in 1 2 3 4 5; do echo $n > o/$n; done",
        artifacts=("o",),
    )
    assert [artifact.path for artifact in result.artifacts] == ["o/1", "o/2", "o/3"]
    refused = " ".join(result.refused_artifacts)
    assert "o/big" in refused
    assert "more than 3 files" in refused


def test_a_process_that_goes_on_writing_is_ended_first(lab: Laboratory) -> None:
    result = lab.run(
        "echo begun > grow.txt; (while true; do echo more >> grow.txt; done) > /dev/null 2>&1 &",
        artifacts=("grow.txt",),
    )
    assert [artifact.path for artifact in result.artifacts] == ["grow.txt"]
    assert result.refused_artifacts == ()


def test_a_dead_sandbox_gives_nothing(lab: Laboratory) -> None:
    result = lab.run(
        "echo x > a; dd if=/dev/zero of=big bs=1M", artifacts=("a",), resources={"memory_mb": 200, "workspace_mb": 1024}
    )
    assert result.outcome is Outcome.FAILED
    assert result.artifacts == ()
