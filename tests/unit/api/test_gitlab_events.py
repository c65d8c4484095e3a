"""GitLab's events: the examples of its documentation, and what else comes in practice."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Unprocessable
from api.webhooks.gitlab import parse
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.inbox import Submit

MATERIAL = Path(__file__).parents[2] / "material" / "gitlab"
PUSH_HOOK, MERGE_HOOK, TAG_HOOK = "Push Hook", "Merge Request Hook", "Tag Push Hook"
HEAD, BASE, ZERO = (
    CommitId("da1560886d4f094c3e6c9ef40349f7d38b5d27d7"),
    CommitId("95790bf891e76fee5e1747ab589903a6a1f80f22"),
    "0" * 40,
)


def example(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((MATERIAL / f"{name}.json").read_text())
    return payload


PUSH, MERGE = example(PUSH_HOOK), example(MERGE_HOOK)


def changed(event: str, payload: Any) -> Change | None:
    message = parse(event, "d", json.dumps(payload).encode())
    assert message is None or isinstance(message, Submit)
    return message.change if message else None


def merge(*, changes: dict[str, Any] | None = None, **attributes: Any) -> Change | None:
    event = copy.deepcopy(MERGE)
    event["object_attributes"] |= attributes
    event["changes"] = changes or {}
    return changed(MERGE_HOOK, event)


def push(**changes: Any) -> Change | None:
    return changed(PUSH_HOOK, {**PUSH, **changes})


def known(change: Change | None) -> Change:
    assert change is not None
    return change


def test_push_of_the_documentation() -> None:
    assert push() == Change(
        forge=Forge.GITLAB,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository="mike/diaspora",
        clone_url="http://example.com/mike/diaspora.git",
        head=HEAD,
        base=BASE,
        head_ref="master",
        base_ref="master",
        default_branch="master",
        title="fixed readme",
        author="jsmith",
        delivery="d",
    )


def test_merge_request_of_the_documentation() -> None:
    assert changed(MERGE_HOOK, MERGE) == Change(
        forge=Forge.GITLAB,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED,
        repository="gitlabhq/gitlab-test",
        clone_url="http://example.com/gitlabhq/gitlab-test.git",
        head=HEAD,
        base=None,  # the planner looks up where the target branch is
        head_ref="ms-viewport",
        base_ref="master",
        default_branch="master",
        fetch_ref="refs/merge-requests/1/head",
        number=1,
        title="MS-Viewport",
        at=1386091414.0,
        newcomer=True,
        delivery="d",
    )


def test_tag_of_the_documentation_is_left() -> None:
    assert changed(TAG_HOOK, example(TAG_HOOK)) is None


@pytest.mark.parametrize("event", ["Pipeline Hook", "Job Hook", "Issue Hook", "System Hook", "push", "push hook", ""])
def test_other_events_are_left_unread(event: str) -> None:
    assert parse(event, "d", b"not even JSON") is None


def test_event_is_what_its_body_says() -> None:
    with pytest.raises(Unprocessable, match="object_kind"):
        changed(MERGE_HOOK, {**MERGE, "object_kind": "push"})
    with pytest.raises(Unprocessable, match="object_kind"):
        changed(PUSH_HOOK, MERGE)


@pytest.mark.parametrize("action", ["open", "reopen"])
def test_actions_that_may_bring_a_commit(action: str) -> None:
    assert merge(action=action) is not None


@pytest.mark.parametrize("action", ["close", "merge", "approved", "unapproval", "of next year", "", None])
def test_other_actions_are_left_whatever_else_they_say(action: str | None) -> None:
    assert merge(action=action, iid=-1, last_commit=7) is None


def test_update_counts_when_commits_came() -> None:
    """`oldrev` is what the source branch was: not what the change is to be compared with."""
    change = known(merge(action="update", oldrev=BASE))
    assert (change.head, change.base) == (HEAD, None)
    assert merge(action="update") is None
    assert merge(action="update", changes={"title": {"previous": "a", "current": "b"}}) is None


@pytest.mark.parametrize("field", ["draft", "work_in_progress"])
def test_draft_that_becomes_ready_is_the_same_run(field: str) -> None:
    ready = known(merge(action="update", changes={field: {"previous": True, "current": False}}))
    assert ready.run_id() == known(merge(draft=True)).run_id()
    assert merge(action="update", changes={field: {"previous": False, "current": True}}) is None


@pytest.mark.parametrize("state", ["closed", "merged", "locked"])
def test_merge_request_that_is_not_open_is_left(state: str) -> None:
    assert merge(action="update", oldrev=BASE, state=state) is None


@pytest.mark.parametrize("source", [99, None])
def test_source_in_another_project_or_in_one_that_is_gone_is_a_forks(source: int | None) -> None:
    change = known(merge(source_project_id=source))
    assert change.trust is Trust.FORK
    assert change.clone_url == MERGE["project"]["git_http_url"]  # never the fork's


@pytest.mark.parametrize("field", ["source_project_id", "target_project_id"])
def test_missing_project_is_an_error_and_not_trusted(field: str) -> None:
    event = copy.deepcopy(MERGE)
    del event["object_attributes"][field]
    with pytest.raises(Unprocessable, match=rf"object_attributes\.{field}: Field required"):
        changed(MERGE_HOOK, event)


def test_author_is_named_where_he_did_it_himself() -> None:
    assert known(merge(author_id=1)).author == "root"
    assert known(merge(author_id=51)).author == ""


@pytest.mark.parametrize(("first", "newcomer"), [(True, True), (None, True), (False, False)])
def test_who_is_not_known_is_new(first: bool | None, newcomer: bool) -> None:
    assert known(merge(first_contribution=first)).newcomer is newcomer


def test_source_branch_that_is_gone_leaves_nothing_to_judge() -> None:
    assert merge(last_commit=None) is None


def test_same_head_in_two_merge_requests_is_two_runs() -> None:
    assert known(merge(iid=1)).run_id() != known(merge(iid=2)).run_id()


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2013-12-03T17:23:34Z", 1386091414.0),
        ("2013-12-03 17:23:34 UTC", 1386091414.0),
        ("2013-12-03T17:23:34.500Z", 1386091414.5),
        ("2013-12-03T19:23:34+02:00", 1386091414.0),
        ("yesterday", 0.0),
        ("x" * 100_000, 0.0),
        (None, 0.0),
    ],
)
def test_times_are_read_as_gitlab_writes_them(written: str | None, at: float) -> None:
    assert known(merge(updated_at=written)).at == at


def test_project_in_groups_of_groups() -> None:
    project = {**PUSH["project"], "path_with_namespace": "a/b.c/d-e/ü_f"}
    change = known(push(project=project))
    assert change.repository == "a/b.c/d-e/ü_f"


def test_new_branch_is_compared_with_where_it_will_go() -> None:
    change = known(push(ref="refs/heads/feature/ü", before=ZERO, commits=[], total_commits_count=0))
    assert (change.base, change.head_ref, change.base_ref, change.title) == (None, "feature/ü", "master", "")


def test_first_push_to_an_empty_project() -> None:
    change = known(push(before=ZERO, project={**PUSH["project"], "default_branch": None}))
    assert (change.base_ref, change.default_branch) == ("", "")


@pytest.mark.parametrize("changes", [{"after": ZERO, "checkout_sha": None, "commits": []}, {"ref": "refs/tags/v1"}])
def test_pushes_that_bring_no_commit_to_a_branch(changes: dict[str, Any]) -> None:
    assert push(**changes) is None


def test_title_is_the_pushed_commits_and_not_a_neighbours() -> None:
    assert known(push(commits=PUSH["commits"][:1])).title == ""
    assert known(push(commits=[{"id": HEAD, "message": "One ⚡\n\nMore"}])).title == "One ⚡"


def test_title_without_end_and_branch_of_255_bytes() -> None:
    change = known(merge(title="x" * 100_000, source_branch="ü" * 127 + "x"))
    assert len(change.title) == 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("git_http_url", "ext::sh -c id"),
        ("git_http_url", "--upload-pack=id"),
        ("git_http_url", "file:///etc"),
        ("git_http_url", "https://x/ y"),
        ("path_with_namespace", "../../etc"),
        ("path_with_namespace", "a/../b"),
        ("path_with_namespace", "one"),
        ("path_with_namespace", "a//b"),
        ("path_with_namespace", "/a/b"),
        ("path_with_namespace", "a/b\n"),
        ("path_with_namespace", None),
    ],
)
def test_project_that_git_must_not_see(field: str, value: str | None) -> None:
    with pytest.raises(Unprocessable, match=rf"project\.{field}"):
        push(project={**PUSH["project"], field: value})


@pytest.mark.parametrize("sha", ["HEAD", "a" * 39, "A" * 40, "", None, 5, "a" * 40 + "\n"])
def test_head_that_is_not_a_commit_id(sha: object) -> None:
    with pytest.raises(Unprocessable, match=r"object_attributes\.last_commit\.id"):
        merge(last_commit={"id": sha})


def test_nothing_but_our_own_fields_is_kept() -> None:
    """A push carries addresses and whole messages, and a body may carry secrets in what Delta does not read."""
    message = parse(PUSH_HOOK, "d", json.dumps({**PUSH, "token": "a-secret", "user_email": "a@secret"}).encode())
    assert message is not None
    assert "secret" not in message.model_dump_json()
    with pytest.raises(Unprocessable) as caught:
        push(after="a-secret")
    assert "a-secret" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    (name, path)
    for name, payload in ((PUSH_HOOK, PUSH), (MERGE_HOOK, MERGE))
    for path in (
        *((key,) for key in payload),
        *((key, inner) for key, value in payload.items() if isinstance(value, dict) for inner in value),
    )
]


@given(st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_is_read_refused_or_left(place: tuple[str, tuple[str, ...]], value: object) -> None:
    """And a fork never becomes trusted by what is elsewhere in the event."""
    name, path = place
    event = copy.deepcopy(PUSH if name == PUSH_HOOK else MERGE)
    if name == MERGE_HOOK:
        event["object_attributes"]["source_project_id"] = 99
    within = event
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    try:
        change = changed(name, event)
    except Unprocessable:
        return
    if change is not None and name == MERGE_HOOK and "project_id" not in path[-1]:
        assert change.trust is Trust.FORK


@given(st.sampled_from([PUSH_HOOK, MERGE_HOOK]), st.binary(max_size=200))
def test_any_bytes_are_read_refused_or_left(name: str, body: bytes) -> None:
    try:
        parse(name, "d", body)
    except Unprocessable:
        return
