from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from api.errors import Unauthorized, Unprocessable
from api.webhooks.gitea import claimed, parse, verify
from api.webhooks.hook import HOOKS
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.inbox import Submit
from models.settings import GiteaSettings, Settings

EVENTS = Path(__file__).parent / "gitea_events"
ZERO = "0" * 40
SECRET = "It's a Secret to Everybody"
SETTINGS = Settings(gitea=GiteaSettings(webhook_secret=SecretStr(SECRET)))
BODY = b"Hello, World!"
# GitHub's published vector; the digest is the same, only the header's form differs.
DIGEST = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def event(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_bytes())
    return payload


def changed(kind: str, payload: Any) -> Change | None:
    message = parse(kind, "d", payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    assert message is None or isinstance(message, Submit)
    return message.change if message else None


def pull(part: str = "", action: str = "synchronized", **changes: Any) -> Change | None:
    payload = event("pull_request_synchronized") | {"action": action}
    (payload["pull_request"][part] if part else payload["pull_request"]).update(changes)
    return changed("pull_request", payload)


def push(**changes: Any) -> Change | None:
    return changed("push", event("push") | changes)


def test_new_commits_of_a_pull_request_in_full() -> None:
    assert pull() == Change(
        forge=Forge.GITEA,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED,
        repository="jcitizen/my-repo",
        clone_url="https://try.gitea.io/jcitizen/my-repo.git",
        head=CommitId("2eba238e33607c1fa49253182e9fff42baafa1eb"),
        base=CommitId("39af58f1eff02aa308e16913e887c8d50362b474"),
        head_ref="feature",
        base_ref="master",
        default_branch="master",
        fetch_ref="refs/pull/1/head",
        number=1,
        title="Add License File",
        author="jcitizen",
        delivery="d",
        at=1530837467.0,
    )


def test_documented_push_in_full() -> None:
    assert push() == Change(
        forge=Forge.GITEA,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository="gitea/webhooks",
        clone_url="http://localhost:3000/gitea/webhooks.git",
        head=CommitId("bffeb74224043ba2feb48d137756c8a9331c449a"),
        base=CommitId("28e1879d029cb852e4844d9c718537df08844e03"),
        head_ref="develop",
        base_ref="develop",
        default_branch="main",
        title="",
        author="gitea",
        delivery="d",
    )


def test_what_forgejo_sends_today() -> None:
    change = changed("pull_request", event("pull_request_reopened"))
    assert change is not None
    assert (change.trust, change.head_ref, change.repository) == (
        Trust.TRUSTED,
        "6543-patch-1",
        "test_it/test_ci_thing",
    )
    # Where the target branch is, which is not where the pull request left it.
    assert change.base == event("pull_request_reopened")["pull_request"]["base"]["sha"]


def test_new_branch_without_commits_of_its_own_is_compared_with_where_it_will_go() -> None:
    change = changed("push", event("push_branch"))
    assert change is not None
    assert (change.base, change.base_ref, change.title) == (None, "main", "Delete '.woodpecker/.check.yml'")


@pytest.mark.parametrize("name", ["opened", "reopened", "synchronized"])
def test_actions_that_bring_a_commit(name: str) -> None:
    assert pull(action=name) is not None


@pytest.mark.parametrize("name", ["closed", "edited", "label_updated", "synchronize", "reviewed", "of next year", ""])
def test_other_actions_are_left_whatever_else_they_say(name: str) -> None:
    assert changed("pull_request", {"action": name, "pull_request": None}) is None


@pytest.mark.parametrize("name", ["pull_request_closed", "pull_request_edited"])
def test_events_without_a_new_commit(name: str) -> None:
    assert changed("pull_request", event(name)) is None


@pytest.mark.parametrize("kind", ["ping", "issues", "delete", "create", "pull_request_comment", "", "PUSH"])
def test_other_events_are_left_unread(kind: str) -> None:
    assert parse(kind, "d", b"not even JSON") is None


@pytest.mark.parametrize("repo", [{"id": 99}, None])
def test_head_in_another_repository_or_in_one_that_is_gone_is_a_forks(repo: Any) -> None:
    change = pull("head", repo=repo)
    assert change is not None
    assert change.trust is Trust.FORK
    assert change.clone_url == "https://try.gitea.io/jcitizen/my-repo.git"  # never the fork's


def test_pull_request_by_a_push_for_review_is_a_forks_though_it_names_the_repository_itself() -> None:
    """Everyone who may read the repository can `git push origin HEAD:refs/for/main`."""
    change = pull("head", label="", ref="refs/pull/1/head")
    assert change is not None
    assert change.trust is Trust.FORK


def test_missing_head_repository_is_an_error_and_not_trusted() -> None:
    payload = event("pull_request_synchronized")
    del payload["pull_request"]["head"]["repo"]
    with pytest.raises(Unprocessable, match=r"pull_request\.head\.repo: Field required"):
        changed("pull_request", payload)


def test_target_branch_that_was_deleted_leaves_nothing_to_compare_with() -> None:
    change = pull("base", sha="")
    assert change is not None
    assert change.base is None


def test_draft_is_judged_and_is_the_same_run_when_its_title_says_so_no_longer() -> None:
    draft, ready = pull(title="WIP: Add License File", draft=True), pull(action="reopened")
    assert draft is not None
    assert ready is not None
    assert draft.run_id() == ready.run_id()


def test_same_commit_on_two_forges_is_two_runs() -> None:
    change = pull()
    assert change is not None
    assert change.run_id() != change.having(forge=Forge.GITHUB).run_id()


def test_author_and_time_may_be_unknown() -> None:
    change = pull(user=None, updated_at="0001-01-01T00:00:00Z")
    assert change is not None
    assert (change.author, change.at) == ("", 0.0)


@pytest.mark.parametrize("changes", [{"ref": "refs/tags/v1"}, {"after": ZERO}, {"ref": "refs/for/main"}])
def test_pushes_that_bring_no_commit_to_a_branch(changes: dict[str, Any]) -> None:
    assert push(**changes) is None


def test_push_of_no_commits() -> None:
    change = push(head_commit=None, commits=[], total_commits=0, sender=None)
    assert change is not None
    assert (change.title, change.author) == ("", "")


def test_repository_with_sha256_ids() -> None:
    change = push(after="c" * 64, before="0" * 64)
    assert change is not None
    assert change.base is None


def test_branch_name_of_255_bytes_and_title_without_end() -> None:
    change = pull("head", ref="ü" * 127 + "x")
    assert change is not None
    assert change.head_ref == "ü" * 127 + "x"
    change = pull(title="⚡" * 100_000)
    assert change is not None
    assert len(change.title) == 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clone_url", "ext::sh -c id"),
        ("clone_url", "--upload-pack=id"),
        ("clone_url", "file:///etc"),
        ("full_name", "../../etc"),
        ("full_name", "../etc"),
        ("full_name", "a/.."),
        ("full_name", "./a"),
        ("full_name", "a/b\n"),
        ("full_name", None),
        ("id", 0),
    ],
)
def test_repository_that_nobody_must_ask_for(field: str, value: object) -> None:
    with pytest.raises(Unprocessable, match=f"repository.{field}"):
        push(repository={**event("push")["repository"], field: value})


@pytest.mark.parametrize("sha", ["HEAD", "a" * 39, "A" * 40, "", None, 5, "a" * 40 + "\n"])
def test_head_that_is_not_a_commit_id(sha: object) -> None:
    with pytest.raises(Unprocessable, match=r"pull_request\.head\.sha"):
        pull("head", sha=sha)


def test_values_that_were_sent_are_not_told_back() -> None:
    with pytest.raises(Unprocessable) as caught:
        push(after="not a commit", secret="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "not a commit" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a payload, as the keys that lead there."""
    found = [path] if path else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += _places(value, (*path, key))
    return found


PULL = event("pull_request_synchronized")


@given(place=st.sampled_from(_places(PULL)), value=JSON)
def test_whatever_stands_anywhere_it_is_taken_left_or_refused_and_never_trusted_by_it(
    place: tuple[Any, ...], value: Any
) -> None:
    payload = copy.deepcopy(PULL)
    node = payload
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    try:
        change = changed("pull_request", payload)
    except Unprocessable:
        return
    if change is not None and change.trust is Trust.TRUSTED:
        head, base = payload["pull_request"]["head"], payload["pull_request"]["base"]
        assert int(head["repo"]["id"]) == int(base["repo"]["id"])
        assert not head["ref"].startswith("refs/")


@given(kind=st.sampled_from(["push", "pull_request"]), body=st.binary(max_size=200) | JSON.map(json.dumps))
def test_any_body_at_all_is_left_or_refused(kind: str, body: Any) -> None:
    with contextlib.suppress(Unprocessable):
        assert changed(kind, body if isinstance(body, bytes) else body.encode()) is None


@given(depth=st.integers(1, 100_000))
def test_hostile_depth(depth: int) -> None:
    with pytest.raises(Unprocessable):
        changed("push", b'{"ref":' * depth)


def sent(**headers: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Gitea_Signature": DIGEST},
        {"X_Forgejo_Signature": DIGEST},
        {"X_Hub_Signature_256": f"sha256={DIGEST}"},
        {"X_Gitea_Signature": DIGEST, "X_Forgejo_Signature": DIGEST, "X_Hub_Signature_256": f"sha256={DIGEST}"},
    ],
)
def test_signature_in_each_header_that_has_one(headers: dict[str, str]) -> None:
    claimed(SETTINGS, sent(**headers))
    verify(SETTINGS, sent(**headers), BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Gitea_Signature": ""},
        {"X_Gitea_Signature": "", "X_Hub_Signature_256": f"sha256={DIGEST}"},
        {"X_Gitea_Signature": DIGEST.upper()},
        {"X_Gitea_Signature": f"sha256={DIGEST}"},
        {"X_Gitea_Signature": DIGEST[:-1]},
        {"X_Gitea_Signature": DIGEST + "0"},
        {"X_Hub_Signature_256": DIGEST},
        {"X_Hub_Signature": "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"},
        {"X_Gogs_Signature": DIGEST},
        {"X_Gitea_Signature": "0" * 64, "X_Forgejo_Signature": DIGEST},
        {"X_Gitea_Signature": "0" * 64, "X_Hub_Signature_256": f"sha256={DIGEST}"},
    ],
)
def test_nothing_else_is_enough_and_a_wrong_one_is_not_made_good_by_another(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        verify(SETTINGS, sent(**headers), BODY)


def test_webhook_without_a_secret_is_told_apart_before_the_body_is_read() -> None:
    with pytest.raises(Unauthorized, match="missing"):
        claimed(SETTINGS, sent(X_Gitea_Signature=""))


def test_without_a_secret_of_our_own_nothing_passes() -> None:
    with pytest.raises(Unauthorized, match="DELTA_GITEA__WEBHOOK_SECRET"):
        claimed(Settings(), sent(X_Gitea_Signature=DIGEST))


def test_name_of_the_event_is_giteas_or_forgejos_and_never_githubs() -> None:
    named = HOOKS[Forge.GITEA].named
    both = sent(X_Gitea_Event="push", X_Gitea_Delivery="1", X_GitHub_Event="pull_request", X_GitHub_Delivery="2")
    assert named(both) == ("push", "1")
    assert named(sent(X_Forgejo_Event="push", X_Forgejo_Delivery="1")) == ("push", "1")
    assert named(sent(X_GitHub_Event="push", X_GitHub_Delivery="1")) == ("", "")
