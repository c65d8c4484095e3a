"""Names of things, and how they are made. Ids that must be the same on redelivery are digests, never random."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NewType

RunId = NewType("RunId", str)
JobId = NewType("JobId", str)
AttemptId = NewType("AttemptId", str)
RunnerId = NewType("RunnerId", str)
LeaseToken = NewType("LeaseToken", str)
CommitId = NewType("CommitId", str)
BlobId = NewType("BlobId", str)

_RUN_ID_HEX = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


def run_id(*identity: str) -> RunId:
    """The run of a change: the same identity gives the same run, which is what makes redelivery harmless."""
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()
    return RunId(f"r{digest[:_RUN_ID_HEX]}")


def attempt_id(run: RunId, job: JobId, number: int) -> AttemptId:
    """Attempts are numbered from 1 within their job; the id is readable in logs and container names."""
    return AttemptId(f"{run}.{job}.{number}")


def is_blob(text: str) -> bool:
    """Whether it is a blob's id: a SHA-256."""
    return _SHA256.fullmatch(text) is not None


def new_token() -> LeaseToken:
    """A fresh lease token: unguessable, because whoever holds it may finish the attempt."""
    return LeaseToken(secrets.token_hex(16))
