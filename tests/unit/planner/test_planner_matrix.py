"""Combinations: a second, slower way to make them says the same; and their names are names."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actors.planner.matrix import MAX_COMBINATIONS, Matrix, combinations, filled, names, placeholders, variables

AXES = ("os", "python", "db")
texts = st.text(max_size=8)
few = st.sampled_from(["1", "2", "3.10", "A b", "ä", ""])
entries = st.lists(st.dictionaries(st.sampled_from([*AXES, "extra"]), few, min_size=1), max_size=4)


@st.composite
def matrices(draw: st.DrawFn) -> Matrix | None:
    axes = draw(st.dictionaries(st.sampled_from(AXES), st.lists(few, min_size=1, max_size=4, unique=True)))
    exclude = [
        {name: draw(st.sampled_from(axes[name])) for name in draw(st.lists(st.sampled_from([*axes]), min_size=1))}
        for _ in range(draw(st.integers(0, 3)) if axes else 0)
    ]
    try:
        return Matrix.model_validate({**axes, "exclude": exclude, "include": draw(entries)})
    except ValidationError:
        return None


def made(**fields: object) -> tuple[dict[str, str], ...]:
    return tuple(dict(values) for values in combinations(Matrix.model_validate(fields)))


@given(matrices())
def test_the_product_without_what_is_excluded_is_there_and_an_include_overwrites_no_axis(matrix: Matrix | None) -> None:
    if matrix is None:
        return
    found = combinations(matrix)
    assert 0 < len(found) <= MAX_COMBINATIONS
    assert len({tuple(sorted(values.items())) for values in found}) == len(found)
    product = [dict(zip(matrix.axes, values, strict=True)) for values in itertools.product(*matrix.axes.values())]
    kept = [each for each in product if not any(all(each[k] == v for k, v in x.items()) for x in matrix.exclude)]
    of_axes = [{name: values[name] for name in matrix.axes if name in values} for values in found]
    if matrix.axes:
        assert [each for each in of_axes if each in kept][: len(kept)] == kept
    for entry in matrix.include:  # nothing that was asked for is lost, unless a later entry overwrote what was added
        assert any(all(values.get(k) == v for k, v in entry.items() if k in matrix.axes) for values in found)


@given(matrices(), st.sets(st.sampled_from(["job", "job-1", "job-1-2", "job-3-10"])))
def test_every_name_is_one_of_a_job_and_there_once(matrix: Matrix | None, taken: set[str]) -> None:
    if matrix is None:
        return
    before = set(taken) | {"job"}
    found = names("job", combinations(matrix), taken := set(before))
    assert len(set(found)) == len(found) == len(combinations(matrix))
    assert not before & set(found)
    assert taken == before | set(found)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) for name in found)


@given(st.text("abc-", min_size=1, max_size=64), st.lists(st.text(max_size=128), min_size=1, max_size=20))
def test_names_are_bounded_whatever_the_values_are(job: str, values: list[str]) -> None:
    job = "j" + job[:63]
    found = names(job, [{"axis": value, "n": str(n)} for n, value in enumerate(values)], {job})
    assert len(set(found)) == len(values)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name) for name in found)


def test_names_are_made_of_the_values() -> None:
    every = combinations(Matrix.model_validate({"python": ["py311", "3.12"], "os": "Linux"}))
    assert names("test", every, {"test"}) == ["test-py311-linux", "test-3-12-linux"]


def test_an_include_is_added_where_it_contradicts_nothing_and_is_a_combination_of_its_own_elsewhere() -> None:
    # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax has this example
    fruit = made(
        fruit=["apple", "pear"],
        animal=["cat", "dog"],
        include=[
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    )
    assert fruit == (
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    )


def test_an_exclude_matches_by_the_axes_that_it_names() -> None:
    assert made(a=["1", "2"], b=["1", "2"], exclude=[{"a": "1"}, {"a": "2", "b": "1"}]) == ({"a": "2", "b": "2"},)
    assert made(include=[{"a": "1"}, {"a": "2"}]) == ({"a": "1"}, {"a": "2"})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "there is no axis"),
        ({"a": ["1"], "exclude": [{"a": "1"}]}, "leaves no combination"),
        ({"a": ["1"], "exclude": [{"b": "1"}]}, 'the axis "b", which is not there; the axes are a'),
        ({"a": ["1"], "exclude": [{"a": "2"}]}, '"2", which is no value of the axis "a"'),
        ({"A": ["1"]}, '"A" is no name of an axis'),
        ({"a": ["1"], "include": [{"exclude": "1"}]}, '"exclude" is no name of an axis'),
        ({"a-b": ["1"]}, '"a-b" is no name of an axis'),
        ({"": ["1"]}, '"" is no name of an axis'),
        ({f"a{n}": ["1"] for n in range(11)}, "11 axes are more than 10"),
        ({f"a{n}": [str(v) for v in range(100)] for n in range(10)}, "combinations, and more than 1000"),
        ({"a": [str(v) for v in range(100)], "b": ["1", "2", "3"]}, "there are 300 combinations, and 200"),
        ({"a": ["x" * 129]}, "at most 128 characters"),
        ({"a": []}, "at least 1 item"),
        ({"a": [["1"]]}, "valid string"),
    ],
)
def test_what_is_wrong_with_one_is_said(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Matrix.model_validate(fields)
    assert says in str(caught.value)


def test_placeholders_are_found_and_filled_in_texts_only() -> None:
    job = {
        "run": ["echo ${{ matrix.os }}-${{matrix.py}}", 1],
        "env": {"${{ matrix.os }}": "${{ matrix.x }} $X ${{ y }}"},
    }
    assert list(placeholders(job)) == [(("run", 0), "os"), (("run", 0), "py"), (("env", "${{ matrix.os }}"), "x")]
    assert filled(job, {"os": "linux"}, {"os", "py"}) == {
        "run": ["echo linux-", 1],
        "env": {"${{ matrix.os }}": "${{ matrix.x }} $X ${{ y }}"},
    }


@given(texts)
def test_a_value_is_not_looked_at_for_placeholders_again(value: str) -> None:
    assert filled("${{ matrix.a }}", {"a": f"${{{{ matrix.b }}}}{value}", "b": "no"}, {"a", "b"}) == (
        f"${{{{ matrix.b }}}}{value}"
    )


def test_commands_see_the_values() -> None:
    assert variables({"python": "3.12", "os": "linux"}) == {"MATRIX_PYTHON": "3.12", "MATRIX_OS": "linux"}
