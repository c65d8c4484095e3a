import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.embedding.index import VectorIndex


def vector(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_nearest_first_with_cosine_distance() -> None:
    index = VectorIndex(2)
    index.add("east", vector(2, 0))
    index.add("north", vector(0, 3))
    index.add("west", vector(-1, 0))
    found = index.nearest(vector(1, 0), 3)
    assert [key for key, _ in found] == ["east", "north", "west"]
    assert [distance for _, distance in found] == pytest.approx([0, 1, 2])
    assert index.nearest(vector(1, 0), 0) == []
    assert len(index.nearest(vector(1, 0), 99)) == 3


def test_an_id_added_again_is_replaced() -> None:
    index = VectorIndex(2)
    index.add("a", vector(1, 0))
    index.add("a", vector(0, 1))
    assert len(index) == 1
    assert index.nearest(vector(0, 1), 1) == [("a", 0.0)]


@pytest.mark.parametrize("bad", [vector(1), vector(0, 0), vector(np.nan, 1), vector(np.inf, 1)])
def test_what_has_no_direction_is_refused(bad: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    index = VectorIndex(2)
    with pytest.raises(ValueError, match="vector"):
        index.add("a", bad)
    assert len(index) == 0


def test_an_empty_index_knows_nothing() -> None:
    assert VectorIndex(2).nearest(vector(1, 0), 5) == []


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_it_agrees_with_sorting_everything(count: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 8)).astype(np.float32)
    index = VectorIndex(8)
    index.add_many([str(n) for n in range(count)], rows)
    query = rng.normal(size=8).astype(np.float32)
    cosine = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    expected = sorted(1 - cosine)[:k]
    assert [distance for _, distance in index.nearest(query, k)] == pytest.approx(expected, abs=1e-5)


def test_of_equals_the_first_added_comes_first() -> None:
    index = VectorIndex(2)
    for n in range(200):
        index.add(str(n), vector(1, 1))
    assert [key for key, _ in index.nearest(vector(1, 1), 4)] == ["0", "1", "2", "3"]
