"""A name says whose a container is, for ever or until it is given away."""

from __future__ import annotations

from models.ids import AttemptId, JobId, RunId, attempt_id
from sandbox.names import attempt_name, attempt_of, given_name, is_warm, token_of, warm_name

ATTEMPT = attempt_id(RunId("r0123456789abcdef"), JobId("build-and_test-2"), 3)


def test_an_attempts_name_gives_the_attempt_back_as_docker_tells_it() -> None:
    name = attempt_name("a1b2", ATTEMPT)
    assert attempt_of("a1b2", f"/{name}") == ATTEMPT
    assert attempt_of("a1b2", name) == ATTEMPT
    assert not is_warm("a1b2", name)


def test_one_that_waits_belongs_to_nobody() -> None:
    name = warm_name("a1b2")
    assert is_warm("a1b2", f"/{name}")
    assert attempt_of("a1b2", name) is None


def test_no_two_are_equal() -> None:
    assert warm_name("a1b2") != warm_name("a1b2")
    assert attempt_name("a1b2", ATTEMPT) != attempt_name("a1b2", ATTEMPT)


def test_one_that_is_given_away_keeps_its_token_and_with_it_its_door() -> None:
    waiting = warm_name("a1b2")
    given = given_name("a1b2", f"/{waiting}", ATTEMPT)
    assert attempt_of("a1b2", given) == ATTEMPT
    assert token_of(given) == token_of(waiting) == waiting[-12:]


def test_what_others_have_named_is_nobodys() -> None:
    for name in ("/quirky_hopper", warm_name("other"), attempt_name("other", ATTEMPT), ""):
        assert attempt_of("a1b2", name) is None
        assert not is_warm("a1b2", name)


def test_an_installation_whose_id_begins_like_anothers_is_another() -> None:
    assert attempt_of("a1", attempt_name("a1-b2", AttemptId("r1.x.1"))) != AttemptId("r1.x.1")
