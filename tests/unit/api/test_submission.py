from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.errors import Unprocessable
from api.submission import Submission
from models.change import ChangeKind, Forge, Trust

HEAD = "a" * 40


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("https://github.com/octocat/hello-world.git", "octocat/hello-world"),
        ("https://git.example:8443/group/sub/project", "group/sub/project"),
        ("ssh://git@git.example/o/r.git", "o/r"),
        ("git@git.example:o/r.git", "o/r"),
        ("git://git.example/r", "r"),
        ("/srv/git/project", "/srv/git/project"),
    ],
)
def test_what_delta_clones_from(repository: str, name: str) -> None:
    change = Submission(repository=repository, head=HEAD).change("n")
    assert (change.repository, change.clone_url) == (name, repository)
    assert (change.forge, change.kind, change.trust, change.base) == (
        Forge.LOCAL,
        ChangeKind.MANUAL,
        Trust.TRUSTED,
        None,
    )


@pytest.mark.parametrize(
    "repository",
    [
        "ext::sh -c id",
        "file:///etc",
        "--upload-pack=id",
        "relative/path",
        "https://",
        "https:///path",
        "https://git.example",
        "https://git.example/.git",
        "ssh://-oProxyCommand=id/x",
        "git@-oProxyCommand=id:x",
        "git@-host:x",
        "git@git.example:-x",
        "https://[::1/x",
        "https://user:secret@git.example/o/r",
    ],
)
def test_what_it_does_not(repository: str) -> None:
    with pytest.raises(Unprocessable, match="repository"):
        Submission(repository=repository, head=HEAD).change("n")


def test_password_is_not_told_back() -> None:
    with pytest.raises(Unprocessable) as caught:
        Submission(repository="https://user:hunter2@git.example/o/r", head=HEAD).change("n")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("head", ["main", "HEAD", "a" * 39, "A" * 40, ""])
def test_head_must_be_a_full_commit_id(head: str) -> None:
    with pytest.raises(ValidationError):
        Submission(repository="/r", head=head)


@pytest.mark.parametrize("body", [{"repository": "/r"}, {"head": HEAD}, {"repository": "", "head": HEAD}])
def test_repository_and_head_are_needed(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Submission.model_validate(body)


def test_unknown_field_is_refused_rather_than_ignored() -> None:
    with pytest.raises(ValidationError, match="brnch"):
        Submission.model_validate({"repository": "/r", "head": HEAD, "brnch": "main"})


def test_nonce_tells_runs_of_one_commit_apart() -> None:
    submission = Submission(repository="/r", head=HEAD)
    assert submission.change("1").run_id() != submission.change("2").run_id()
