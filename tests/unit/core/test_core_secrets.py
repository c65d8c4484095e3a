"""What a secret may be, and who gets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.change import Trust
from models.errors import CallerError, ChangeError
from models.ids import JobId
from models.job import JobSpec, SecretUse, Step
from models.secret import (
    EVERYWHERE,
    MOST_BYTES,
    HandedOut,
    SealedSecret,
    bounded,
    checked_name,
    checked_scope,
    checked_value,
    due,
    nearest,
    wanted,
)

ASKING = JobSpec(
    id=JobId("deploy"),
    run=("one", "two"),
    steps=(Step(), Step(secrets=(SecretUse(name="KEY"), SecretUse(name="FILE", as_file=True)))),
)
SILENT = JobSpec(id=JobId("test"), run=("one",))


def sealed(name: str, scope: str = EVERYWHERE) -> SealedSecret:
    return SealedSecret(scope=scope, name=name, sealed=f"{scope} {name}", set_at=0)


def test_only_a_trusted_change_is_due_anything_and_only_what_its_job_names() -> None:
    assert due(ASKING, Trust.TRUSTED) == {"KEY", "FILE"}
    assert due(ASKING, Trust.FORK) == frozenset()
    assert due(SILENT, Trust.TRUSTED) == frozenset()
    assert set(Trust) == {Trust.TRUSTED, Trust.FORK}  # a new kind of trust needs an answer here


def test_the_nearer_scope_wins_whatever_the_order() -> None:
    near, far = sealed("KEY", "a/b"), sealed("KEY")
    for found in ([near, far], [far, near]):
        assert nearest(found, frozenset({"KEY"}), "a/b") == {"KEY": near}
        assert nearest(found, frozenset({"KEY"}), "a/c") == {"KEY": far}
    assert nearest([near, far], frozenset(), "a/b") == {}


def test_a_secret_of_another_repository_is_not_there() -> None:
    with pytest.raises(ChangeError, match=r"no secret `KEY`, `NEXT` .* a/c .*delta secret set KEY --repo a/c"):
        nearest([sealed("KEY", "a/b"), sealed("OTHER")], frozenset({"NEXT", "KEY"}), "a/c")


def test_it_is_looked_for_in_the_repository_and_everywhere() -> None:
    assert wanted({"KEY"}, "a/b") == (("a/b", "KEY"), (EVERYWHERE, "KEY"))


@pytest.mark.parametrize("name", ["KEY", "_", "A1_B", "K" * 128])
def test_names(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "key", "1KEY", "A-B", "A B", "K" * 129, "KEY\n", "PATH", "LD_PRELOAD", "HOME"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(CallerError):
        checked_name(name)


def test_scopes() -> None:
    assert checked_scope("") == EVERYWHERE
    assert checked_scope("a/b") == "a/b"
    for bad in ("a b", "a\n", "x" * 1025):
        with pytest.raises(CallerError):
            checked_scope(bad)


@pytest.mark.parametrize(
    "value", ["", "short", "       1       ", "with\0nul and more", "x" * (MOST_BYTES + 1), "\udc80" * 9]
)
def test_values_that_cannot_be_kept_are_not_repeated(value: str) -> None:
    with pytest.raises(CallerError) as refused:
        checked_value(value)
    assert not value or value not in str(refused.value)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=8).filter(
        lambda v: len(v.strip()) >= 8
    )
)
def test_any_other_text_is_a_value_and_never_shown(value: str) -> None:
    out = bounded({"KEY": checked_value(value)})
    assert repr(out) == repr(HandedOut(values=out.values))
    assert "**********" in repr(out)
    assert out.values["KEY"].get_secret_value() == value
    assert "**********" in out.model_dump_json()


def test_what_a_job_gets_is_bounded() -> None:
    with pytest.raises(ChangeError, match="split the job"):
        bounded({"A": "x" * 40_000, "B": "y" * 40_000})
