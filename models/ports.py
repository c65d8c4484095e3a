"""What a component may ask of the store, as far as two implementations of it exist: Redis, and memory for tests.

Both pass `tests/contract/store`. Every method may raise `InfrastructureError`: then it is not known whether what was
to be written is written, and asking again is always allowed. An entry id names a place in a stream, grows with it,
and is nothing to look into; "0" is before the first entry, "$" after the last one there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from models.caches import CacheEntry, CachePlace, UsedCache
from models.commands import Command
from models.events import Event
from models.failure import RememberedFailure, Repeats
from models.fence import Fence
from models.flaky import Quarantined, SuiteAttempt
from models.history import Audit, Miss, PastChange, Profile
from models.ids import AttemptId, JobId, RunId
from models.inbox import Message, Said
from models.lifecycle.decision import Decision
from models.logs import LogChunk
from models.run import Run
from models.secret import SealedSecret
from models.terminal import Typed

START = "0"


class Runs(Protocol):
    """The runs, their events and their outboxes."""

    async def load(self, run: RunId) -> Run:
        """The run as last committed. Raises `NotFound`, and `InternalError` for a record this Delta cannot read."""
        ...

    async def commit(self, decision: Decision, fence: Fence | None = None) -> Run:
        """Writes record, events and commands in one step, and returns the record at its new version.

        Writes nothing and raises `VersionConflict` when the record is not at the version the decision was made on,
        `StaleWrite` when the fence no longer holds. None is for those who need no fence: they own no run.
        """
        ...

    async def apply(self, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None = None) -> Run:
        """Loads, decides and commits; decides anew when somebody else was faster. Returns the record as it then is.

        What `decide` raises passes through; None from it means that nothing is to be written. Raises
        `InfrastructureError` when others were faster again and again: nothing was written, and trying later may help.
        """
        ...

    async def recent(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        ...

    async def active(self) -> list[RunId]:
        """The runs that have, or may have, something left to do."""
        ...

    async def is_active(self, run: RunId) -> bool:
        """Whether the run has, or may have, something left to do."""
        ...

    async def retire(self, run: RunId, version: int | None = None, fence: Fence | None = None) -> None:
        """Takes a run with nothing left to do at `version`, by default the present one, off the active list.

        Leaves it there and raises `VersionConflict` when somebody commits, `StaleWrite` when the fence does not hold.
        """
        ...

    async def move_finished(self, finished_before: float) -> int:
        """Moves runs that were retired before that Unix time to where history is kept, some at a time.

        Returns how many. They read as before, and whoever writes to one brings it back. One that is active again, or
        still to be reported, is left where it is for another term.
        """
        ...

    async def events(self, run: RunId, after: str = START, block_ms: int | None = None) -> list[tuple[str, Event]]:
        """The run's events after the entry id `after`; with `block_ms`, waits that long for one."""
        ...

    async def outbox(self, run: RunId) -> list[tuple[str, Command]]:
        """Commands committed and not yet performed, oldest first."""
        ...

    async def performed(self, run: RunId, entries: Sequence[str], fence: Fence | None = None) -> None:
        """Takes commands out of the outbox: they were carried out. Raises `StaleWrite` when the fence does not hold."""
        ...


class Owners(Protocol):
    """Which supervisors live, and which of them holds a run."""

    async def register(self, supervisor: str) -> Fence:
        """A new incarnation of this name; the ones before it are fenced off."""
        ...

    async def beat(self, fence: Fence) -> dict[str, float]:
        """Says that it lives; gives how many seconds ago each supervisor, itself included, last did.

        Raises `StaleWrite` when there is a newer incarnation of it.
        """
        ...

    async def ages(self) -> dict[str, float]:
        """How many seconds ago each supervisor last said that it lives."""
        ...

    async def claim(self, run: RunId, fence: Fence) -> None:
        """Takes the run, whoever held it: what that one still writes under its fence is refused from now on.

        Raises `StaleWrite` when a newer incarnation of this name holds it.
        """
        ...


class Inbox(Protocol):
    """Put by the API, taken by the orchestrator. An entry stays until it was acted on, so it may be seen twice."""

    async def put(self, message: Message, delivery: str = "") -> bool:
        """Durable when this returns. False: this delivery was accepted before, and nothing was written."""
        ...

    async def take(self, after: str = START, block_ms: int | None = None) -> list[tuple[str, Message]]:
        """Entries after `after`, oldest first; with `block_ms`, waits that long for one."""
        ...

    async def done(self, entry: str) -> None:
        """Removes an entry that was acted on."""
        ...


class Logs(Protocol):
    """Appended by the runner of the attempt, read by anybody, also while it grows."""

    async def append(self, attempt: AttemptId, chunks: Sequence[LogChunk], number: int | None = None) -> None:
        """Adds chunks at the end.

        `number` says how many the log has by then. Said again with the same number, what is there already is not added
        twice; a log is written with numbers throughout, or without.
        """
        ...

    async def read(
        self, attempt: AttemptId, after: str = START, count: int = 500, block_ms: int | None = None
    ) -> list[tuple[str, LogChunk]]:
        """At most `count` chunks after `after`; with `block_ms`, waits that long for one."""
        ...

    async def whole(self, attempt: AttemptId) -> list[LogChunk]:
        """Everything there is now."""
        ...


class Reports(Protocol):
    """Which runs are to be reported, and what is remembered of the forge for each."""

    async def due(self, run: RunId) -> None:
        """Marks the run; marking it again while it is being reported makes it due once more."""
        ...

    async def all_due(self) -> dict[RunId, str]:
        """Every marked run with its mark, which `done` wants back."""
        ...

    async def wait(self, after: str, block_ms: int) -> str:
        """Waits for a mark made after `after`, or `block_ms`; gives what to pass as `after` the next time."""
        ...

    async def done(self, run: RunId, mark: str) -> str | None:
        """Un-marks the run, unless it was marked again since: then gives that mark, and None otherwise."""
        ...

    async def hear(self, said: Said) -> None:
        """Keeps what somebody said until it is answered, and rings for it."""
        ...

    async def heard(self) -> list[Said]:
        """Everything that is to be answered."""
        ...

    async def answered(self, said: Said) -> None:
        """Lets go of it."""
        ...

    async def ids(self, run: RunId) -> dict[str, str]:
        """What was remembered about the forge for this run."""
        ...

    async def remember(self, run: RunId, ids: dict[str, str]) -> None:
        """Adds to what is remembered."""
        ...


class Failures(Protocol):
    """What the analyzer explained, by repository, each with the embedding of its excerpt.

    Of a repository the newest `MOST_FAILURES` are kept.
    """

    async def remember(self, failure: RememberedFailure, vector: bytes | None = None) -> None:
        """Stores it under its key, with its vector (float32, native order) or beside the one that is there."""
        ...

    async def find(self, repository: str, keys: Sequence[str]) -> list[RememberedFailure]:
        """Those that are known, in that order."""
        ...

    async def alike(self, repository: str, signature: str, limit: int) -> Repeats:
        """Those with this signature: how many, since when, and the newest `limit`, newest first."""
        ...

    async def unfixed(self, repository: str, line: str, job: JobId) -> list[RememberedFailure]:
        """Those of a job on one line of work that nothing is known to have fixed, oldest first."""
        ...

    def vectors(self, repository: str) -> AsyncIterator[list[tuple[str, bytes]]]:
        """All vectors by key, in pages; one that is added meanwhile may be left out."""
        ...

    async def note_passed(self, repository: str, job: JobId, attempt: AttemptId) -> None:
        """The attempt passed: its log is what a failing one of the job is compared with. The same twice is once."""
        ...

    async def passed(self, repository: str, job: JobId) -> list[AttemptId]:
        """The attempts that passed lastly, newest first; at most `MOST_PASSED`."""
        ...


class Suites(Protocol):
    """What attempts of jobs told of their tests: of each job the newest, of the jobs those told of last."""

    async def tell(self, repository: str, job: JobId, attempt: SuiteAttempt) -> None:
        """Stores it under its id, in the place of what was told of it before."""
        ...

    async def attempts(self, repository: str, job: JobId) -> list[SuiteAttempt]:
        """Those of one job, oldest first."""
        ...

    async def known(self, repository: str = "") -> list[tuple[str, JobId]]:
        """Repositories and jobs that something is known of, in order; with `repository`, only its own."""
        ...


class Quarantine(Protocol):
    """The tests that people have set aside. What has ended stays until it is removed or set aside anew."""

    async def put(self, entry: Quarantined) -> bool:
        """Stores it. False: it took the place of one of the same repository, job and test."""
        ...

    async def remove(self, repository: str, job: str, test: str) -> bool:
        """Removes it; False: there is none."""
        ...

    async def entries(self, repository: str = "") -> list[Quarantined]:
        """All of them, or those of one repository; by repository, test and job."""
        ...


class Changes(Protocol):
    """Past changes by repository, each with the embedding of what it changed, or the text that is still to be embedded.

    Of a repository the newest `MOST_CHANGES` are kept, and of the texts that wait the newest `MOST_TEXTS`.
    """

    async def remember(self, change: PastChange, text: str | None = None) -> None:
        """Stores it under its run, in place of an earlier version. `text` waits until `embedded` has its vector."""
        ...

    async def waiting(self, repository: str) -> dict[RunId, str]:
        """The texts that have no vector yet."""
        ...

    async def embedded(self, repository: str, vectors: Mapping[RunId, bytes]) -> None:
        """Stores vectors (float32, native order); their texts go."""
        ...

    def vectors(self, repository: str) -> AsyncIterator[list[tuple[RunId, bytes]]]:
        """All vectors, some thousand at a time; one that is stored meanwhile may be among them or not."""
        ...

    async def find(self, repository: str, runs: Sequence[RunId]) -> list[PastChange]:
        """Those that are known, in that order."""
        ...

    async def latest(self, repository: str, limit: int, *, failed: bool = False) -> list[PastChange]:
        """The newest, newest first; with `failed`, of those in which something failed."""
        ...


class Lessons(Protocol):
    """What is known of how good plans are, and what works in which repository. Of each the newest stay."""

    async def note_miss(self, miss: Miss) -> None:
        """Stores it under its key, in place of an earlier version."""
        ...

    async def misses(self, repository: str = "") -> list[Miss]:
        """All of them, open or not, or those of one repository; oldest first."""
        ...

    async def note_audit(self, audit: Audit) -> None:
        """Stores it under its run."""
        ...

    async def audits(self, repository: str = "") -> list[Audit]:
        """All of them, or those of one repository; oldest first."""
        ...

    async def keep_profile(self, profile: Profile) -> None:
        """Stores it under its repository."""
        ...

    async def profiles(self) -> list[Profile]:
        """Those of all repositories, by name."""
        ...


class Terminals(Protocol):
    """What is typed into terminals, by session. What they show is the log of that name."""

    async def type(self, session: AttemptId, typed: Typed) -> None:
        """Adds what was typed; the first one makes the session known."""
        ...

    async def typed(
        self, session: AttemptId, after: str = START, block_ms: int | None = None
    ) -> list[tuple[str, Typed]]:
        """What was typed after `after`; with `block_ms`, waits that long for something."""
        ...

    async def known(self, session: AttemptId) -> bool:
        """Whether there is, or was lately, such a session."""
        ...

    async def over(self, session: AttemptId) -> None:
        """It has ended: in some minutes nothing of it is left, its log included."""
        ...


class Caches(Protocol):
    """Which caches there are. Written by the control plane alone; the content lies in the object store."""

    async def keep(self, entry: CacheEntry) -> None:
        """Enters it, in the place of what lies there; it counts as used when it was saved, or later."""
        ...

    async def find(self, places: Sequence[CachePlace]) -> dict[CachePlace, CacheEntry]:
        """What lies at these places."""
        ...

    async def used(self, places: Iterable[CachePlace], at: float) -> None:
        """What lies there was of use at that Unix time. A place where nothing lies is passed over."""
        ...

    async def everything(self) -> list[UsedCache]:
        """All entries."""
        ...

    async def forget(self, entry: CacheEntry) -> bool:
        """Takes it out, unless another one lies in its place by now: then False."""
        ...


class Secrets(Protocol):
    """Secrets as ciphertext, by scope and name. Nobody who has only these can read one."""

    async def put(self, secret: SealedSecret) -> bool:
        """Durable when this returns. False: it replaced an earlier one of its scope and name."""
        ...

    async def remove(self, scope: str, name: str) -> bool:
        """False: there was none."""
        ...

    async def find(self, wanted: Sequence[tuple[str, str]]) -> list[SealedSecret]:
        """Those that exist of these scopes and names, in that order."""
        ...

    async def everything(self) -> list[SealedSecret]:
        """All of them, by name, then by scope."""
        ...
