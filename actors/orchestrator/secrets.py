"""Gives a job its secrets: looked up when it begins, decrypted here and nowhere else of the control plane.

Not part of the grant: that one travels back and forth with every answer, and may be large enough for Ray to put it into
its object store, which may write to a disk. These are one small answer to one question.
"""

from __future__ import annotations

from cluster.store.store import Store
from cluster.vault import Vault
from models.change import Change
from models.job import JobSpec
from models.secret import HandedOut, bounded, due, nearest, wanted


async def handed_out(store: Store, vault: Vault, job: JobSpec, change: Change) -> HandedOut:
    """What the job is due. Raises `ChangeError` when one does not exist or all are too large together.

    Looked up now rather than when it was planned: a secret that is set after a job failed for lack of it is there when
    the job runs again.
    """
    names = due(job, change.trust)
    found = await store.secrets.find(wanted(names, change.repository))
    chosen = nearest(found, names, change.repository)
    return bounded({name: vault.open(secret) for name, secret in chosen.items()})
