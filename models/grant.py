"""What a runner gets when it leases an attempt: all it needs for one job, and nothing of any other."""

from __future__ import annotations

from models.caches import CacheHit
from models.change import Change
from models.ids import AttemptId, JobId, LeaseToken, RunId
from models.job import JobSpec
from models.record import Record


class Grant(Record):
    """`ttl_s` counts from the moment the runner *sent* its request, so a slow answer never lengthens a lease.

    `restore` is what of the job's caches is there already.
    """

    run: RunId
    job: JobId
    attempt: AttemptId
    token: LeaseToken
    ttl_s: float
    spec: JobSpec
    change: Change
    restore: tuple[CacheHit, ...] = ()
