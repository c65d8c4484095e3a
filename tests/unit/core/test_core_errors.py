"""Errors cross process borders: Ray pickles what an actor raises and hands it to whoever asked."""

from __future__ import annotations

import pickle

import pytest

from models import errors
from models.errors import DeltaError


def family(parent: type[DeltaError]) -> list[type[DeltaError]]:
    """Of `models.errors`: which others there are depends on what was imported."""
    known = [child for child in parent.__subclasses__() if child.__module__ == parent.__module__]
    return [parent, *(member for child in known for member in family(child))]


@pytest.mark.parametrize("kind", family(DeltaError))
def test_an_error_comes_out_of_a_pickle_as_it_went_in(kind: type[DeltaError]) -> None:
    error = pickle.loads(pickle.dumps(kind("the engine is gone", remedy="start it")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert error.remedy == "start it"
    assert str(error) == "the engine is gone (start it)"


def test_an_error_without_a_remedy_is_its_message() -> None:
    assert str(DeltaError("the engine is gone")) == "the engine is gone"


def test_a_lost_race_is_told_apart_from_a_bug_and_from_broken_infrastructure() -> None:
    assert issubclass(errors.VersionConflict, errors.StaleWrite)
    assert not issubclass(errors.StaleWrite, errors.InternalError | errors.InfrastructureError)
    assert issubclass(errors.IllegalTransition, errors.InternalError)
