import subprocess
import sys

import numpy as np
import pytest

from models.embedding.encoder import DIMENSIONS, Encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def test_unit_vectors_in_which_alike_is_near(encoder: Encoder) -> None:
    vectors = encoder.encode(["ModuleNotFoundError: No module named x", "ImportError: no module x", "a cup of flour"])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    alike, unlike = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert alike > unlike + 0.2


def test_any_text_has_a_direction(encoder: Encoder) -> None:
    vectors = encoder.encode(["", "\x00\ufffd", "x" * 100_000, "日本語"])
    assert np.isfinite(vectors).all()
    assert encoder.encode([]).shape == (0, DIMENSIONS)


def test_making_one_loads_nothing_and_loading_says_nothing() -> None:
    program = (
        "import sys; from models.embedding.encoder import Encoder; e = Encoder();"
        "assert 'torch' not in sys.modules and 'sentence_transformers' not in sys.modules; e.encode(['x'])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")
