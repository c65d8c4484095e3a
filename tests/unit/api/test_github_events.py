from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from api.errors import Unprocessable
from api.webhooks.github import parse
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, run_id
from models.inbox import Message, Rerun, Said, Submit

HEAD, BASE, ZERO = CommitId("a" * 40), CommitId("b" * 40), "0" * 40
REPOSITORY = {
    "id": 1,
    "full_name": "octocat/hello-world",
    "clone_url": "https://github.com/octocat/hello-world.git",
    "default_branch": "main",
}
PULL: dict[str, Any] = {
    "action": "opened",
    "number": 2,
    "pull_request": {
        "number": 2,
        "title": "Make it faster ⚡",
        "user": {"login": "octocat"},
        "draft": False,
        "head": {"ref": "faster", "sha": HEAD, "repo": {"id": 1}},
        "base": {"ref": "main", "sha": BASE, "repo": {"id": 1}},
    },
    "repository": REPOSITORY,
    "installation": {"id": 7},
}
PUSH: dict[str, Any] = {
    "ref": "refs/heads/feature/ü",
    "before": BASE,
    "after": HEAD,
    "deleted": False,
    "head_commit": {"message": "Fix it\n\nAt last."},
    "repository": REPOSITORY,
    "sender": {"login": "octocat"},
}


def changed(event: str, body: bytes) -> Change | None:
    message = parse(event, "d", body)
    assert message is None or isinstance(message, Submit)
    return message.change if message else None


def pull(**changes: Any) -> Change | None:
    return changed("pull_request", json.dumps({**PULL, **changes}).encode())


def pull_with(part: str, **changes: Any) -> dict[str, Any]:
    event = copy.deepcopy(PULL["pull_request"])
    (event[part] if part else event).update(changes)
    return {"pull_request": event}


def push(**changes: Any) -> Change | None:
    return changed("push", json.dumps({**PUSH, **changes}).encode())


def test_pull_request_in_full() -> None:
    assert pull() == Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED,
        repository="octocat/hello-world",
        clone_url="https://github.com/octocat/hello-world.git",
        head=HEAD,
        base=BASE,
        head_ref="faster",
        base_ref="main",
        default_branch="main",
        fetch_ref="refs/pull/2/head",
        number=2,
        title="Make it faster ⚡",
        author="octocat",
        delivery="d",
        installation=7,
    )


def test_push_in_full() -> None:
    assert push() == Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository="octocat/hello-world",
        clone_url="https://github.com/octocat/hello-world.git",
        head=HEAD,
        base=BASE,
        head_ref="feature/ü",
        base_ref="feature/ü",
        default_branch="main",
        title="Fix it",
        author="octocat",
        delivery="d",
    )


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_actions_that_bring_a_commit(action: str) -> None:
    assert pull(action=action) is not None


@pytest.mark.parametrize("action", ["closed", "labeled", "edited", "converted_to_draft", "an action of next year", ""])
def test_other_actions_are_left_whatever_else_they_say(action: str) -> None:
    assert pull(action=action, pull_request=None, repository=None) is None


@pytest.mark.parametrize("event", ["ping", "issues", "check_suite", "", "PUSH"])
def test_other_events_are_left_unread(event: str) -> None:
    assert parse(event, "d", b"not even JSON") is None


def rerequested(external_id: str | None, action: str = "rerequested") -> Message | None:
    event = {"action": action, "check_run": {"external_id": external_id}, "sender": {"login": "ada"}}
    return parse("check_run", "d", json.dumps(event).encode())


RUN = run_id("any", "run")


def test_a_checks_button_runs_its_job_again_and_the_summarys_what_failed() -> None:
    assert rerequested(f"{RUN}/test (3.11)") == Rerun(run=RUN, which="job:test (3.11)", by="ada")
    assert rerequested(RUN) == Rerun(run=RUN, which="failed", by="ada")


@pytest.mark.parametrize("external_id", [None, "", "another app's", "r12/test", f"{RUN}x", f" {RUN}", "/test"])
def test_another_apps_check_is_not_ours(external_id: str | None) -> None:
    assert rerequested(external_id) is None
    assert rerequested(RUN, "completed") is None


def commented(
    body: str, action: str = "created", issue: dict[str, Any] | None = None, kind: str = "User"
) -> Said | None:
    event = {
        "action": action,
        "issue": {"number": 2, "pull_request": {"url": "u"}} if issue is None else issue,
        "comment": {
            "id": 77,
            "body": body,
            "user": {"login": "ada", "type": kind},
            "created_at": "2026-01-02T03:04:05Z",
        },
        "repository": REPOSITORY,
        "installation": {"id": 7},
    }
    message = parse("issue_comment", "d", json.dumps(event).encode())
    assert message is None or isinstance(message, Said)
    return message


def test_a_comment_that_begins_with_deltas_name_is_heard() -> None:
    said = commented("  /delta run lint  \nplease")
    assert said is not None
    assert (said.text, said.author, said.number, said.comment, said.installation) == (
        "/delta run lint",
        "ada",
        2,
        "77",
        7,
    )
    assert said.at == 1_767_323_045
    assert commented("/delta " + "x" * 9_000) is not None


@pytest.mark.parametrize("body", ["", "I like it", "see /delta run", "/deltas run", "> /delta run", "`/delta run`"])
def test_other_comments_are_not(body: str) -> None:
    assert commented(body) is None


def test_neither_is_an_edit_nor_an_issue_nor_a_bot() -> None:
    assert commented("/delta run", action="edited") is None
    assert commented("/delta run", issue={"number": 2}) is None
    assert commented("/delta run", kind="Bot") is None


def test_a_merge_queue_asks_about_what_the_branch_would_be() -> None:
    group = {"head_sha": HEAD, "base_sha": BASE, "base_ref": "refs/heads/main",
             "head_ref": "refs/heads/queue/main/pr-2", "head_commit": {"message": "Merge\n\nit"}}  # fmt: skip
    event = {"action": "checks_requested", "merge_group": group, "repository": REPOSITORY}
    message = parse("merge_group", "d", json.dumps(event).encode())
    assert isinstance(message, Submit)
    asked = message.change
    assert (asked.base, asked.base_ref, asked.title, asked.trust) == (BASE, "main", "Merge", Trust.TRUSTED)
    pushed = push(ref=group["head_ref"], before="0" * 40)
    assert pushed is not None
    assert pushed.run_id() == asked.run_id(), "its branch is pushed, too: that is the same run"
    assert parse("merge_group", "d", json.dumps({**event, "action": "destroyed"}).encode()) is None


def test_head_in_another_repository_is_a_forks() -> None:
    change = pull(**pull_with("head", repo={"id": 99}))
    assert change is not None
    assert change.trust is Trust.FORK
    assert change.clone_url == REPOSITORY["clone_url"]  # never the fork's


@pytest.mark.parametrize(
    ("association", "newcomer"),
    [("FIRST_TIME_CONTRIBUTOR", True), ("NONE", True), ("", True), ("new word", True), ("CONTRIBUTOR", False),
     ("MEMBER", False)],
)  # fmt: skip
def test_who_is_new_here_is_what_github_says(association: str, newcomer: bool) -> None:
    change = pull(pull_request={**PULL["pull_request"], "author_association": association})
    assert change is not None
    assert change.newcomer is newcomer


def test_head_in_a_repository_that_is_gone_is_a_forks() -> None:
    change = pull(**pull_with("head", repo=None))
    assert change is not None
    assert change.trust is Trust.FORK


def test_missing_head_repository_is_an_error_and_not_trusted() -> None:
    event = copy.deepcopy(PULL)
    del event["pull_request"]["head"]["repo"]
    with pytest.raises(Unprocessable, match=r"pull_request\.head\.repo: Field required"):
        parse("pull_request", "d", json.dumps(event).encode())


def test_draft_is_judged_and_is_the_same_run_when_it_becomes_ready() -> None:
    draft = pull(**pull_with("", draft=True))
    ready = pull(action="ready_for_review")
    assert draft is not None
    assert ready is not None
    assert draft.run_id() == ready.run_id()


def test_same_head_in_two_pull_requests_is_two_runs() -> None:
    first, second = pull(), pull(**pull_with("", number=3))
    assert first is not None
    assert second is not None
    assert first.run_id() != second.run_id()


def test_pull_request_without_installation_or_author() -> None:
    change = pull(**pull_with("", user=None), installation=None)
    assert change is not None
    assert (change.author, change.installation) == ("", None)


def test_new_branch_is_compared_with_where_it_will_go() -> None:
    change = push(before=ZERO)
    assert change is not None
    assert (change.base, change.base_ref) == (None, "main")


@pytest.mark.parametrize(
    "changes",
    [{"ref": "refs/tags/v1"}, {"deleted": True, "after": ZERO}, {"after": ZERO}, {"ref": "refs/notes/commits"}],
)
def test_pushes_that_bring_no_commit_to_a_branch(changes: dict[str, Any]) -> None:
    assert push(**changes) is None


def test_push_without_a_commit_of_its_own() -> None:
    change = push(head_commit=None)
    assert change is not None
    assert change.title == ""


def test_repository_with_sha256_ids() -> None:
    change = push(after="c" * 64, before="0" * 64)
    assert change is not None
    assert change.base is None


def test_branch_name_of_255_bytes_and_title_without_end() -> None:
    change = pull(**pull_with("head", ref="ü" * 127 + "x"))
    assert change is not None
    change = pull(**pull_with("", title="x" * 100_000))
    assert change is not None
    assert len(change.title) == 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clone_url", "ext::sh -c id"),
        ("clone_url", "--upload-pack=id"),
        ("clone_url", "file:///etc"),
        ("clone_url", "https://x/ y"),
        ("full_name", "../../etc"),
        ("full_name", "one"),
        ("full_name", None),
    ],
)
def test_repository_that_git_must_not_see(field: str, value: str | None) -> None:
    with pytest.raises(Unprocessable, match=f"repository.{field}"):
        push(repository={**REPOSITORY, field: value})


@pytest.mark.parametrize("sha", ["HEAD", "a" * 39, "A" * 40, "-" * 40, "", None, 5, "a" * 40 + "\n"])
def test_head_that_is_not_a_commit_id(sha: object) -> None:
    with pytest.raises(Unprocessable, match=r"pull_request\.head\.sha"):
        pull(**pull_with("head", sha=sha))


@pytest.mark.parametrize("ref", ["a\nb", "a b", "", "a\x00b"])
def test_ref_that_is_none(ref: str) -> None:
    with pytest.raises(Unprocessable, match=r"pull_request\.head\.ref"):
        pull(**pull_with("head", ref=ref))


def test_half_a_character_is_not_json() -> None:
    with pytest.raises(Unprocessable, match="not JSON"):
        parse("push", "d", b'{"ref": "\\ud800"}')


def test_values_that_were_sent_are_not_told_back() -> None:
    with pytest.raises(Unprocessable) as caught:
        pull(**pull_with("head", sha="a-secret"))
    assert "a-secret" not in str(caught.value)
