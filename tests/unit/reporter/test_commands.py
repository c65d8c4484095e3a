"""What people say in comments, and what becomes of it: with the store and a forge in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from actors.reporter.answer import Answers
from actors.reporter.commands import HELP, Wish, understood
from actors.reporter.forge import FoundComment
from cluster.store.store import Store
from models.change import Forge
from models.inbox import Approve, Cancel, Message, Rerun, Said
from models.lifecycle.create import create
from models.run import Run
from tests.unit.reporter import sample_runs as runs

SAID = Said(
    forge=Forge.GITHUB,
    repository=runs.pull_request().repository,
    clone_url=runs.pull_request().clone_url,
    number=2,
    comment="77",
    author="ada",
    text="/delta rerun",
    at=runs.NOW + 100,
)


@dataclass
class MemoryTalk:
    """A forge on which only these people may write. `replies` by their number; `reactions` are what it shows."""

    writers: tuple[str, ...] = ("ada",)
    replies: list[str] = field(default_factory=list)
    reactions: list[tuple[str, bool]] = field(default_factory=list)

    async def may_write(self, login: str) -> bool:
        return login in self.writers

    async def react(self, comment_id: str, *, done: bool) -> None:
        self.reactions = [*(each for each in self.reactions if each[0] != comment_id), (comment_id, done)]

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        assert number == 2
        return next((FoundComment(id="1", body=body) for body in self.replies if body.startswith(marker)), None)

    async def create_comment(self, number: int, body: str) -> str:
        assert number == 2
        self.replies.append(body)
        return str(len(self.replies))


class World:
    """One pull request with one failed run."""

    def __init__(self) -> None:
        self.store = Store.in_memory()
        self.talk = MemoryTalk()

    async def with_run(self) -> Run:
        return await self.store.runs.commit(create(runs.pull_request(), runs.NOW))

    async def say(self, text: str, **changes: object) -> list[Message]:
        """Twice, as a reporter that was killed would hear it: with the same outcome. Gives what was asked."""
        said = SAID.having(text=text, **changes)
        for _ in range(2):
            await Answers(self.store).answer(said, self.talk)
        return [message for _, message in await self.store.inbox.take()]


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("/delta run", Wish("run")),
        ("/delta run all", Wish("run")),
        ("/delta  run   test (3.11)", Wish("run", "test (3.11)")),
        ("/delta rerun", Wish("rerun")),
        ("/delta rerun failed", Wish("rerun")),
        ("/delta cancel", Wish("cancel")),
        ("/delta approve", Wish("approve")),
        ("/delta explain lint", Wish("explain", "lint")),
        ("/delta quarantine a.py::test_b[x y]", Wish("quarantine", "a.py::test_b[x y]")),
        ("/delta", None),
        ("/delta help", None),
        ("/delta rerun everything", None),
        ("/delta approve everything", None),
        ("/delta explain", None),
        ("/delta RUN", None),
    ],
)
def test_what_is_understood(text: str, wish: Wish | None) -> None:
    assert understood(text) == wish


@pytest.mark.parametrize("verb", ["run", "rerun", "cancel", "approve", "explain", "quarantine"])
def test_help_names_every_command(verb: str) -> None:
    assert f"`/delta {verb}" in HELP


async def test_it_is_asked_once_and_shown_on_the_comment() -> None:
    world = World()
    run = await world.with_run()
    by = "ada in #2"
    assert await world.say("/delta rerun") == [Rerun(run=run.id, which="failed", by=by)]
    assert (await world.say("/delta run lint", comment="78"))[1:] == [Rerun(run=run.id, which="job:lint", by=by)]
    assert (await world.say("/delta cancel", comment="79"))[2:] == [Cancel(run=run.id, by=by)]
    assert (await world.say("/delta approve", comment="80"))[3:] == [Approve(run=run.id, by=by)]
    assert world.talk.reactions == [("77", True), ("78", True), ("79", True), ("80", True)]
    assert world.talk.replies == []


@pytest.mark.parametrize("text", ["/delta approve", "/delta quarantine test_a", "/delta nonsense"])
async def test_who_may_not_write_gets_nothing_but_a_sign(text: str) -> None:
    world = World()
    await world.with_run()
    assert await world.say(text, author="eve") == []
    assert world.talk.reactions == [("77", False)]
    assert world.talk.replies == []
    assert await world.store.quarantine.entries() == []


async def test_what_is_not_understood_gets_one_helpful_reply_in_which_nothing_is_alive() -> None:
    world = World()
    assert await world.say("/delta @everyone <b>") == []
    (reply,) = world.talk.replies
    assert "`@everyone <b>`" in reply.replace("/delta ", "") or "`/delta @everyone <b>`" in reply
    assert HELP in reply


async def test_a_commit_that_came_after_the_comment_is_not_approved_by_it() -> None:
    world = World()
    await world.with_run()
    assert await world.say("/delta approve", at=runs.NOW - 1) == []
    (reply,) = world.talk.replies
    assert "came after your comment" in reply


async def test_without_a_run_it_is_said() -> None:
    world = World()
    assert await world.say("/delta run") == []
    assert "there is no run of #2" in world.talk.replies[0]
    await world.store.runs.commit(create(runs.pull_request(number=3), runs.NOW))
    assert await world.say("/delta run", comment="78") == [], "that of another pull request is not taken"


async def test_a_test_is_set_aside_for_a_while() -> None:
    world = World()
    assert await world.say("/delta quarantine a.py::test_b") == []
    (entry,) = await world.store.quarantine.entries(SAID.repository)
    assert (entry.test, entry.by) == ("a.py::test_b", "ada")
    assert world.talk.reactions == [("77", True)]


async def test_a_job_is_explained() -> None:
    world = World()
    run = await world.with_run()
    assert run.jobs == ()
    await world.say("/delta explain test")
    assert "There is no job `test` in this run" in world.talk.replies[0]
