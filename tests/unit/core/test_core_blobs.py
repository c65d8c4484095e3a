"""The local object store."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from cluster.blobs import LocalBlobs
from models.errors import InfrastructureError, NotFound
from models.ids import BlobId


def test_a_blob_is_named_by_its_content_and_comes_back(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    content = b"x" * 3_000_000
    blob, size = blobs.put(io.BytesIO(content), limit_bytes=len(content))
    assert blob == hashlib.sha256(content).hexdigest()
    assert size == len(content)
    assert blobs.read(blob, limit_bytes=1 << 30) == content
    assert blobs.read(blob, limit_bytes=5) == b"xxxxx"
    assert blobs.put(io.BytesIO(content), limit_bytes=len(content)) == (blob, size)


def test_a_blob_above_the_limit_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="larger than the 9 bytes"):
        LocalBlobs(tmp_path).put(io.BytesIO(b"0123456789"), limit_bytes=9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "/etc/passwd", "0" * 63, "G" * 64, "0" * 64 + "\n"])
def test_a_name_that_is_no_digest_leads_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match="is not the SHA-256"):
        LocalBlobs(tmp_path).read(BlobId(name), limit_bytes=10)


def test_an_unknown_blob_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no blob"):
        LocalBlobs(tmp_path).read(BlobId("0" * 64), limit_bytes=10)
