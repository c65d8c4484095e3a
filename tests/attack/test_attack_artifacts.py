"""Artifacts as weapons: too many, too large, with names that lead elsewhere, and from an image that lies."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from models.result import Outcome
from models.settings import SandboxSettings
from tests.attack.node import unharmed
from tests.integration.sandbox.conftest import Laboratory
from tests.tars import tar_of

# What `find` and `tar` of a hostile image say. The names were all asked for, as far as `find` tells.
LISTED = ("../../escaped", "/tmp/delta-attack-absolute", "fine", "link", "device", "hard", "bomb")
LYING_FIND = "#!/bin/sh\nprintf '" + "".join(f"f 1 5 {name}\\0" for name in LISTED) + "'\n"
LYING_TAR = """#!/bin/sh
case "$*" in *--extract*) exec /usr/bin/tar.real "$@" ;; esac
cat /lie.tar
"""


def lie() -> bytes:
    """A tar stream that keeps none of the promises."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, target in (
            ("../../escaped", tarfile.REGTYPE, ""),
            ("/tmp/delta-attack-absolute", tarfile.REGTYPE, ""),
            ("link", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard", tarfile.LNKTYPE, "/etc/passwd"),
            ("device", tarfile.BLKTYPE, ""),
            ("fine", tarfile.REGTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = 5 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"hello"))
        bomb = tarfile.TarInfo("bomb")
        bomb.size = 1 << 40
        out.write(bomb.tobuf())
    return out.getvalue()


@pytest.fixture(scope="module")
def liar(docker_url: str, image: str) -> Iterator[str]:
    """The runner image with a `find` and a `tar` of the attacker's."""
    client = docker.DockerClient(base_url=docker_url)
    container = client.containers.create(image, ["true"])
    bits, _ = container.get_archive("/usr/bin/tar")
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as found:
        member = found.extractfile("tar")
        assert member is not None
        real = member.read()
    lies = {"usr/bin/find": LYING_FIND.encode(), "usr/bin/tar": LYING_TAR.encode(), "lie.tar": lie()}
    container.put_archive("/", tar_of({**lies, "usr/bin/tar.real": real}, mode=0o755))
    container.commit("delta/attack-liar", "test")
    container.remove()
    yield "delta/attack-liar:test"
    client.images.remove("delta/attack-liar:test", force=True)
    client.close()


def test_an_image_whose_tools_lie_gets_nothing_out_but_what_is_a_plain_file(lab: Laboratory, liar: str) -> None:
    honest = lab.image
    lab.image = liar
    result = lab.run("true", artifacts=("**",))
    assert result.outcome is Outcome.PASSED
    assert {artifact.path for artifact in result.artifacts} <= {"fine"}
    told = "\n".join(result.refused_artifacts)
    for name in ("../../escaped", "/tmp/delta-attack-absolute", "link", "hard", "device", "bomb"):
        assert name in told
    assert not Path("/tmp/delta-attack-absolute").exists()
    lab.image = honest
    with unharmed(lab):
        pass


def test_a_hundred_thousand_files_are_cut_to_the_limit(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.settings = SandboxSettings(artifact_limit_count=50)
        result = lab.run(
            "mkdir out; cd out; seq 100000 | xargs touch", artifacts=("out",), resources={"memory_mb": 1024}
        )
        assert result.outcome is Outcome.PASSED
        assert len(result.artifacts) <= 50
        assert "more" in result.refused_artifacts[-1]
        assert len(result.refused_artifacts) <= 101


def test_a_sparse_terabyte_and_a_zip_bomb_are_only_files(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.settings = SandboxSettings(artifact_limit_mb=1)
        lab.tree = {
            "zip.py": b"import zipfile\nwith zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
            b"    with z.open('zeros', 'w', force_zip64=True) as zeros:\n"
            b"        [zeros.write(bytes(1 << 20)) for _ in range(64)]\n"
        }
        result = lab.run("truncate -s 1T sparse || true; python3 zip.py", artifacts=("sparse", "bomb.zip"))
        assert [artifact.path for artifact in result.artifacts] == ["bomb.zip"]
        assert result.artifacts[0].size_bytes < 1 << 20, "it is kept as it is: Delta unpacks nothing"
        assert any("sparse" in line for line in result.refused_artifacts)


def test_links_and_devices_lead_nowhere(lab: Laboratory) -> None:
    with unharmed(lab):
        result = lab.run(
            "mkdir out; ln -s /etc/passwd out/sym; ln -s / out/root; ln out/sym out/hard; mkfifo out/pipe;"
            " mknod out/null c 1 3 || true; echo fine > out/fine; ln out/fine out/twice",
            artifacts=("out/**", "../**", "/etc/*"),
        )
        assert result.artifacts == ()
        told = "\n".join(result.refused_artifacts)
        for name in ("out/sym", "out/root", "out/pipe", "out/fine", "../**", "/etc/*"):
            assert name in told
