"""The key schema. A run's keys share the hash tag `{run}`, so that one script may touch all of them on a Redis Cluster.

| key | type | holds |
|---|---|---|
| `delta:{run}:record` | hash `version`, `json`, `moved` | the run (`models/run.py`); no `json`: see `history.py` |
| `delta:{run}:events` | stream `json` | its audit stream |
| `delta:{run}:outbox` | stream `json` | commands committed and not yet performed |
| `delta:{run}:forge` | hash | what the reporter remembers of the forge: ids and digests |
| `delta:{run}:owner` | string | the fence of the supervisor that holds it, for a while |
| `delta:log:{run}.<job>.<number>` | stream `json` | one attempt's log, appended by its runner |
| `delta:terminal:{run}.<job>.terminal-<random>` | stream `json` | what was typed into a terminal; expires |
| `delta:runs` | sorted set | every run, by time of creation |
| `delta:active` | set | runs that have, or may have, something left to do |
| `delta:supervisors` | hash | supervisor → its epoch, and when it last said that it lives; the last epoch |
| `delta:finished` | sorted set | runs that lie here and have nothing left to do, by when that was so |
| `delta:inbox` | stream `json` | messages accepted and not yet taken |
| `delta:inbox:refused` | stream `json` | messages nobody could read |
| `delta:delivery:<digest>` | string | the inbox entry of a delivery, for `DELIVERY_TTL_S` |
| `delta:reports` | hash | runs whose forge state is to be brought up to date → a random mark that tells them apart |
| `delta:reports:bell` | stream | wakes the reporter |
| `delta:secrets` | hash | name and scope → a secret, encrypted |
| `delta:failures` | hash | run and job → remembered failure |
| `delta:failures:vectors` | hash | run and job → its embedding, float32 |
| `delta:{suites}:known` | sorted set | repository and job, as JSON, whose tests are known, by the last attempt's time |
| `delta:suites:{<digest of both>}:records` | hash | attempt → what it told of its tests (`models/flaky.py`) |
| `delta:suites:{…}:order` | sorted set | its attempts, by time |
| `delta:quarantine` | hash | repository, job and test, as JSON → an entry of the quarantine |
| `delta:changes:{<digest of the repository>}:records` | hash | run → a past change of that repository |
| `delta:changes:{…}:order`, `:failed` | sorted set | its runs, those in which something failed, by time |
| `delta:changes:{…}:vectors` | hash | run → the embedding of its change, float32 |
| `delta:changes:{…}:texts` | hash | run → what is still to be embedded |
| `delta:{misses}`, `delta:{audits}`, `delta:{profiles}` | hash | what was learned of plans and repositories |
| the same with `:order` | sorted set | its fields, by time |
| `delta:{caches}:index` | hash | digest of repository, scope and key → the cache that lies there |
| `delta:{caches}:used` | sorted set | the same digest, by when that cache was last of use |
"""

from __future__ import annotations

import hashlib
import json
from typing import Final, NamedTuple

from models.ids import AttemptId, JobId, RunId


class Ordered(NamedTuple):
    """A hash of records, and the sorted set of its fields by time."""

    records: str
    order: str


class FailureKeys(NamedTuple):
    """Where the remembered failures of one repository lie."""

    records: str
    order: str
    vectors: str

    def alike(self, signature: str) -> str:
        """Sorted set of those with this signature, by time."""
        return f"{self.records}:alike:{_digest(signature)}"

    def unfixed(self, line: str, job: JobId) -> str:
        """Set of those of one job, on one line of work, that nothing is known to have fixed."""
        return f"{self.records}:unfixed:{_digest(f'{job} {line}')}"

    def passed(self, job: JobId) -> str:
        """List of the attempts of one job that passed lastly."""
        return f"{self.records}:passed:{_digest(job)}"


class ChangeKeys(NamedTuple):
    """Where the past changes of one repository lie."""

    records: str
    order: str
    failed: str
    vectors: str
    texts: str


RUNS = "delta:runs"
ACTIVE = "delta:active"
SUPERVISORS = "delta:supervisors"
FINISHED = "delta:finished"
INBOX = "delta:inbox"
INBOX_REFUSED = "delta:inbox:refused"
REPORTS = "delta:reports"
HEARD = "delta:heard"
REPORTS_BELL = "delta:reports:bell"
SECRETS = "delta:secrets"
SUITES_KNOWN = "delta:{suites}:known"
QUARANTINE = "delta:quarantine"
CACHES = "delta:{caches}:index"
CACHES_USED = "delta:{caches}:used"
MISSES: Final = Ordered("delta:{misses}", "delta:{misses}:order")
AUDITS: Final = Ordered("delta:{audits}", "delta:{audits}:order")
PROFILES: Final = Ordered("delta:{profiles}", "delta:{profiles}:order")
LOG_PATTERN = "delta:log:*"

DELIVERY_TTL_S = 7 * 86_400


def record(run: RunId) -> str:
    """Hash of one run."""
    return f"delta:{{{run}}}:record"


def events(run: RunId) -> str:
    """Stream of one run's events."""
    return f"delta:{{{run}}}:events"


def outbox(run: RunId) -> str:
    """Stream of one run's commands."""
    return f"delta:{{{run}}}:outbox"


def forge(run: RunId) -> str:
    """Hash of what is known of the forge for one run."""
    return f"delta:{{{run}}}:forge"


def owner(run: RunId) -> str:
    """Who holds one run."""
    return f"delta:{{{run}}}:owner"


def log(attempt: AttemptId) -> str:
    """Stream of one attempt's log."""
    run, _, rest = attempt.partition(".")
    return f"delta:log:{{{run}}}.{rest}"


def terminal(session: AttemptId) -> str:
    """Stream of what was typed into one terminal."""
    run, _, rest = session.partition(".")
    return f"delta:terminal:{{{run}}}.{rest}"


def delivery(digest: str) -> str:
    """Marker of one delivery, by the digest of its id."""
    return f"delta:delivery:{digest}"


def secret_field(scope: str, name: str) -> str:
    """Field of one secret; a name has no space in it."""
    return f"{name} {scope}"


def suite(repository: str, job: str) -> Ordered:
    """What the attempts of one job told of their tests; a repository's name may be a path."""
    tag = f"{{{hashlib.sha256(json.dumps([repository, job]).encode()).hexdigest()[:32]}}}"
    return Ordered(f"delta:suites:{tag}:records", f"delta:suites:{tag}:order")


def changes(repository: str) -> ChangeKeys:
    """The past changes of one repository; its name may be a path."""
    return ChangeKeys(*(f"delta:changes:{{{_digest(repository)}}}:{part}" for part in ChangeKeys._fields))


def failures(repository: str) -> FailureKeys:
    """The remembered failures of one repository; its name may be a path."""
    return FailureKeys(*(f"delta:failures:{{{_digest(repository)}}}:{part}" for part in FailureKeys._fields))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
