"""Whatever happens to a run, in whatever order: these things hold.

A machine makes a random plan and then lets runners, the analyzer, people and faults say anything at all, right, wrong,
twice and late. What a job's and a run's state must be is computed here a second time, from the attempts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.commands import Enqueue, Retire
from models.errors import CallerError, DeltaError, StaleWrite, VersionConflict
from models.events import EventKind
from models.ids import AttemptId, JobId, LeaseToken, RunnerId
from models.job import JobSpec
from models.lifecycle.approve import approve
from models.lifecycle.attempts import finish, give_back, lease, lose, start
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create, planned, unplannable
from models.lifecycle.decision import Decision
from models.lifecycle.expire import expire
from models.lifecycle.explain import explained
from models.lifecycle.rerun import rerun
from models.lifecycle.turn_away import turn_away
from models.machines import JobState, LeaseState
from models.plan import Plan
from models.result import AttemptResult, Cause, Outcome
from models.run import Job, Run
from tests.property.core.ledger import Ledger
from tests.unit.core.samples import change, explanation, plan, spec

JOB_IDS = ("a", "b", "c", "d", "e")
ENDED_JOBS = {"passed", "failed", "skipped", "cancelled", "errored"}
ENDED_ATTEMPTS = {"passed", "failed", "timed_out", "cancelled", "lost", "errored"}
ENDED_RUNS = {"passed", "failed", "cancelled", "errored"}
ENDED_LEASES = {"released", "expired", "revoked"}

results = st.builds(
    AttemptResult,
    outcome=st.sampled_from(Outcome),
    cause=st.sampled_from(Cause),
    detail=st.sampled_from(["", "exit code 1"]),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Jobs that need earlier ones, and sometimes one that the plan left out. Some plans wait for an approval."""
    jobs: list[JobSpec] = []
    for job in JOB_IDS[: draw(st.integers(0, len(JOB_IDS)))]:
        known = [one.id for one in jobs] + [JobId("left-out")]
        needs = draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
        always, allow_failure = draw(st.booleans()), draw(st.booleans())
        jobs.append(spec(job, *needs, retries=draw(st.integers(0, 2)), always=always, allow_failure=allow_failure))
    return plan(*draw(st.permutations(jobs))).having(held=draw(st.sampled_from(["", "", "a fork"]))).sealed()


class Held(NamedTuple):
    """A token, and what it was given for."""

    job: JobId
    attempt: AttemptId
    token: LeaseToken


class RunMachine(RuleBasedStateMachine):
    """One run, and everybody who has something to say about it."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(create(change(), 0.0))
        self.plan = plan()
        self.now = 0.0
        self.granted: list[Held] = []
        self.said: list[Callable[[Run], Decision | None]] = []
        self.heard = False
        self.returned = 0
        # How many commits and commands there were when a person last asked for jobs again.
        self.reopened_at = 0
        self.commands_before = 0

    # What happens.

    @initialize(made=plans(), at_once=st.booleans())
    def choose_plan(self, made: Plan, at_once: bool) -> None:
        self.plan = made
        if at_once:
            self.plan_arrives()

    @rule()
    def plan_arrives(self) -> None:
        now = self._tick()
        self._say(lambda run: planned(run, self.plan, now))

    @rule()
    def somebody_approves(self) -> None:
        now = self._tick()
        self._say(lambda run: approve(run, "ada", now))

    @precondition(lambda self: len(self.ledger.history) < 3)
    @rule(data=st.data())
    def no_plan_can_be_made(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 9)) == 0:  # rare, or no run would get further
            now = self._tick()
            self._say(lambda run: unplannable(run, "no such commit", now))

    @rule(data=st.data())
    def runner_takes(self, data: st.DataObject) -> None:
        """Any attempt there ever was: queued, or offered long ago."""
        known = [Held(job.id, one.id, LeaseToken("")) for job in self.ledger.run.jobs for one in job.attempts]
        if known:
            wanted = data.draw(st.sampled_from(known))
            held = wanted._replace(token=LeaseToken(f"token-{len(self.granted)}"))
            now = self._tick()
            if self._say(
                lambda run: lease(
                    run, held.job, held.attempt, token=held.token, runner=RunnerId("runner"), session="s", now=now
                )
            ):
                self.granted.append(held)

    @rule(result=results)
    def runner_carries_the_next_job_to_its_end(self, result: AttemptResult) -> None:
        """What mostly happens; without it few runs would get far."""
        waiting = [job for job in self.ledger.run.jobs if job.state is JobState.QUEUED]
        if waiting:
            held = Held(waiting[0].id, waiting[0].attempt.id, LeaseToken(f"token-{len(self.granted)}"))
            runner, now = RunnerId("runner"), self._tick()
            self.granted.append(held)
            assert self._say(
                lambda run: lease(run, held.job, held.attempt, token=held.token, runner=runner, session="s", now=now)
            )
            assert self._say(lambda run: start(run, held.job, held.attempt, token=held.token, now=now))
            assert self._say(lambda run: finish(run, held.job, held.attempt, token=held.token, result=result, now=now))

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def runner_starts(self, data: st.DataObject) -> None:
        held, now = data.draw(st.sampled_from(self.granted)), self._tick()
        self._say(lambda run: start(run, held.job, held.attempt, token=held.token, now=now))

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), result=results)
    def runner_finishes(self, data: st.DataObject, result: AttemptResult) -> None:
        held, now = data.draw(st.sampled_from(self.granted)), self._tick()
        self._say(lambda run: finish(run, held.job, held.attempt, token=held.token, result=result, now=now))

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def runner_vanishes(self, data: st.DataObject) -> None:
        held, now = data.draw(st.sampled_from(self.granted)), self._tick()
        self._say(lambda run: lose(run, held.job, held.attempt, token=held.token, why="gone", now=now))

    @precondition(lambda self: len(self.granted) > 1)  # or few runs would get further
    @rule()
    def somebody_cancels(self) -> None:
        now = self._tick()
        self._say(lambda run: cancel(run, "ada", now))

    @rule(data=st.data(), summary=st.sampled_from(["one", "two"]))
    def analyzer_explains(self, data: st.DataObject, summary: str) -> None:
        known = [(job.id, one.id) for job in self.ledger.run.jobs for one in job.attempts if one.result is not None]
        if known:
            job, attempt = data.draw(st.sampled_from(known))
            now = self._tick()
            self._say(lambda run: explained(run, job, attempt, explanation(summary), now))

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def runner_gives_back(self, data: st.DataObject) -> None:
        """Only what it has not begun: a runner that does otherwise is a bug."""
        held, now = data.draw(st.sampled_from(self.granted)), self._tick()
        if self.ledger.run.job(held.job).attempts[-1].state == "running":
            return

        def call(run: Run) -> Decision | None:
            begun = run.job(held.job).attempt.state == "running"
            return None if begun else give_back(run, held.job, held.attempt, token=held.token, now=now)

        self.returned += self._say(call)

    @rule(data=st.data())
    def its_group_is_full(self, data: st.DataObject) -> None:
        known = [(job.id, one.id) for job in self.ledger.run.jobs for one in job.attempts]
        if known and data.draw(st.integers(0, 3)) == 0:
            job, attempt = data.draw(st.sampled_from(known))
            now = self._tick()
            self._say(lambda run: turn_away(run, job, attempt, "full", now))

    @precondition(lambda self: len(self.granted) > 2)
    @rule(queue_s=st.sampled_from([5.0, 1e9]), run_s=st.sampled_from([20.0, 1e9, 1e9]))
    def time_runs_out(self, queue_s: float, run_s: float) -> None:
        now = self._tick()
        self._say(lambda run: expire(run, queue_s=queue_s, run_s=run_s, now=now))

    @precondition(lambda self: self.ledger.run.jobs)
    @rule(data=st.data())
    def a_person_asks_for_it_again(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from(["all", "failed", *(f"job:{job.id}" for job in self.ledger.run.jobs)]))
        now, commands = self._tick(), len(self.ledger.commands)
        if waits(self.ledger.run):
            with pytest.raises(CallerError):
                rerun(self.ledger.run, which, "ada", now)
            return
        if self.ledger.apply(lambda run: rerun(run, which, "ada", now)):  # said twice, it is another wish
            self.reopened_at, self.commands_before = len(self.ledger.history), commands

    # What must not matter.

    @precondition(lambda self: self.said and self.reopened_at != len(self.ledger.history))
    @rule()
    def the_last_call_comes_again(self) -> None:
        """Who was heard gets the same answer again; who was refused is refused again."""
        before = self.ledger.run
        if self.heard:
            assert not self.ledger.apply(self.said[-1])
        else:
            with suppress(StaleWrite):
                assert not self.ledger.apply(self.said[-1])
        assert self.ledger.run == before

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def an_older_call_comes_again(self, data: st.DataObject) -> None:
        """It may have something to say that it had not before (an explanation), but then no second time."""
        call = data.draw(st.sampled_from(self.said))
        before = self._given_back()
        self._say(call)
        self.returned += self._given_back() - before

    @precondition(lambda self: self.granted)
    @rule(data=st.data(), result=results)
    def a_token_is_used_where_it_does_not_hold(self, data: st.DataObject, result: AttemptResult) -> None:
        """A made-up one, that of another attempt, or one whose lease is over."""
        target = data.draw(st.sampled_from(self.granted))
        foreign = [held.token for held in self.granted if held.attempt != target.attempt]
        tokens = [LeaseToken("made-up"), *foreign]
        if not self._lives(target):
            tokens.append(target.token)
        token, before = data.draw(st.sampled_from(tokens)), self.ledger.run
        calls: list[Callable[[Run], Decision | None]] = [
            lambda run: start(run, target.job, target.attempt, token=token, now=0.0),
            lambda run: finish(run, target.job, target.attempt, token=token, result=result, now=0.0),
            lambda run: lose(run, target.job, target.attempt, token=token, why="", now=0.0),
        ]
        for call in calls:
            with suppress(StaleWrite):
                assert not self.ledger.apply(call)
            assert self.ledger.run == before

    @precondition(lambda self: len(self.ledger.history) > 1)
    @rule(data=st.data())
    def somebody_decides_on_an_old_record(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.ledger.history[:-1]))
        before = self.ledger.run
        try:
            decision = cancel(old, "eve", 0.0) or planned(old, self.plan, 0.0)
        except DeltaError:
            decision = None
        if decision is not None:
            with pytest.raises(VersionConflict):
                self.ledger.commit(decision)
        assert self.ledger.run == before

    # What holds at every moment.

    @invariant()
    def nothing_comes_back_from_an_end_unless_a_person_asks_for_it(self) -> None:
        if len(self.ledger.history) < 2:
            return
        old, new = self.ledger.history[-2:]
        asked_for = self.reopened_at == len(self.ledger.history)
        if old.state in ENDED_RUNS and not asked_for:
            assert (new.state, new.finished_at) == (old.state, old.finished_at)
        for before in old.jobs:
            now = new.job(before.id)
            assert len(now.attempts) >= len(before.attempts)
            if before.state in ENDED_JOBS and not asked_for:
                assert (now.state, now.attempts) == (before.state, before.attempts)
            for earlier, later in zip(before.attempts, now.attempts, strict=False):
                if earlier.state in ENDED_ATTEMPTS:
                    assert later == earlier
                if earlier.lease is not None and earlier.lease.state in ENDED_LEASES:
                    assert later.lease == earlier.lease

    @invariant()
    def at_most_one_lease_of_a_job_lives_and_only_on_its_last_attempt(self) -> None:
        for job in self.ledger.run.jobs:
            held = [one for one in job.attempts if one.lease is not None and one.lease.state is LeaseState.HELD]
            assert held in ([], [job.attempts[-1]] if job.attempts else [])
            assert all(one.state in {"leased", "running"} for one in held)
            assert all(one.state in ENDED_ATTEMPTS for one in job.attempts[:-1])

    @invariant()
    def job_and_run_states_are_folds_over_what_is_below_them(self) -> None:
        run = self.ledger.run
        if run.plan is None:
            assert run.jobs == ()
            return
        for job in run.jobs:
            assert job.state == expected_job(run, job), f"{job.id}: {job}"
        assert run.state == expected_run(run)

    @invariant()
    def a_run_whose_jobs_are_all_over_is_over(self) -> None:
        run = self.ledger.run
        if run.plan is not None:
            assert run.over == all(job.state in ENDED_JOBS for job in run.jobs)
            assert run.over == (run.finished_at is not None)

    @invariant()
    def every_queued_attempt_has_been_offered_once_and_again_when_it_was_given_back(self) -> None:
        offered = [command.attempt for command in self.ledger.commands if isinstance(command, Enqueue)]
        assert len(offered) == len(set(offered)) + self.returned
        assert {one.id for job in self.ledger.run.jobs for one in job.attempts} == set(offered)

    @invariant()
    def a_run_is_retired_if_and_only_if_it_is_over(self) -> None:
        assert (Retire() in self.ledger.commands[self.commands_before :]) == self.ledger.run.over
        told = [event.kind for event in self.ledger.events]
        last = len(told) - told[::-1].index(EventKind.RUN_RERUN) if EventKind.RUN_RERUN in told else 0
        assert told[last:].count(EventKind.RUN_FINISHED) == self.ledger.run.over

    @invariant()
    def attempts_are_bounded(self) -> None:
        for job in self.ledger.run.jobs:
            assert len(job.attempts) - job.counted_from <= 1 + job.spec.retries + 3

    def teardown(self) -> None:
        """Driven on by a runner that always passes, every run reaches an end."""
        self.ledger.apply(lambda run: planned(run, self.plan, self._tick()))
        self.ledger.apply(lambda run: approve(run, "ada", self._tick()))
        for turn in range(len(JOB_IDS) + 1):
            for job in self.ledger.run.jobs:
                self._drive(job, LeaseToken(f"driver-{turn}-{job.id}"))
        assert self.ledger.run.over
        assert self.ledger.run.state in ENDED_RUNS
        self.job_and_run_states_are_folds_over_what_is_below_them()
        self.a_run_is_retired_if_and_only_if_it_is_over()

    # Inside.

    def _drive(self, job: Job, token: LeaseToken) -> None:
        if not job.attempts or job.attempts[-1].state in ENDED_ATTEMPTS:
            return
        last = job.attempts[-1]
        if last.lease is None:
            runner = RunnerId("driver")
            self.ledger.apply(lambda run: lease(run, job.id, last.id, token=token, runner=runner, session="s", now=0.0))
        else:
            token = last.lease.token
        passed = AttemptResult(outcome=Outcome.PASSED)
        self.ledger.apply(lambda run: finish(run, job.id, last.id, token=token, result=passed, now=0.0))

    def _say(self, call: Callable[[Run], Decision | None]) -> bool:
        """Whether it changed something. `StaleWrite` is a proper answer; anything else that is raised is a bug."""
        self.said.append(call)
        try:
            self.heard = self.ledger.apply(call)
        except StaleWrite:
            self.heard = False
        return self.heard

    def _given_back(self) -> int:
        return sum(event.kind == "job_returned" for event in self.ledger.events)

    def _lives(self, held: Held) -> bool:
        attempts = self.ledger.run.job(held.job).attempts
        return any(
            one.id == held.attempt
            and one.lease is not None
            and one.lease.token == held.token
            and one.lease.state is LeaseState.HELD
            for one in attempts
        )

    def _tick(self) -> float:
        self.now += 1.0
        return self.now


def expected_job(run: Run, job: Job) -> str:
    """A job's state, from its attempts and its needs alone."""
    if len(job.attempts) == job.counted_from:
        return untried(run, job)
    last = job.attempts[-1]
    if last.state in {"leased", "running"}:
        return "active"
    return {"timed_out": "failed", "lost": "errored"}.get(last.state, str(last.state))


def untried(run: Run, job: Job) -> str:
    """The state of one that nothing was done for since it was last asked for."""
    if job.state is JobState.CANCELLED:  # with its run, which may have been asked for again since
        return "cancelled"
    if waits(run):
        return "blocked"
    if run.detail.startswith("ran longer"):
        return "skipped"
    needs = [run.job(need) for need in job.spec.needs if need in {other.id for other in run.jobs}]
    below = {allowed(need, expected_job(run, need)) for need in needs}
    settled = below <= (ENDED_JOBS if job.spec.always else {"passed"})
    assert not settled, "nothing holds it, and it was not queued"
    return "skipped" if not job.spec.always and below & (ENDED_JOBS - {"passed"}) else "blocked"


def allowed(job: Job, state: str) -> str:
    """A failure that is allowed is as good as a pass."""
    return "passed" if job.spec.allow_failure and state in {"failed", "errored"} else state


def waits(run: Run) -> bool:
    """Whether nothing of it may begin."""
    return run.plan is not None and bool(run.plan.held) and not run.approved_by


def expected_run(run: Run) -> str:
    """A run's state, from its jobs alone: not over while one is not; then the worst one's."""
    states = {allowed(job, expected_job(run, job)) for job in run.jobs}
    if not states <= ENDED_JOBS:
        return "awaiting_approval" if waits(run) else "running"
    return next((worst for worst in ("cancelled", "errored", "failed") if worst in states), "passed")


TestRunMachine = RunMachine.TestCase
TestRunMachine.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
