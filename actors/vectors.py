"""Embeddings of past things in memory: an index for each repository, read from the store when it is first asked about.
After a restart nothing is there, and nothing is lost.

The least recently used repositories are let go when all together have more than `MOST_VECTORS` (1.5 kB each).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final
from weakref import WeakValueDictionary

import numpy as np

from models.embedding.encoder import DIMENSIONS
from models.embedding.index import Vector, VectorIndex

MOST_VECTORS: Final = 200_000
_VECTOR_BYTES: Final = 4 * DIMENSIONS  # another model's are of no use to this one

Pages = Callable[[str], AsyncIterator[Sequence[tuple[str, bytes]]]]


class Vectors:
    """Indexes by repository. For one event loop: questions about a repository that is being read wait for it."""

    def __init__(self, pages: Pages, most: int = MOST_VECTORS) -> None:
        self._pages = pages
        self._most = most
        self._indexes: OrderedDict[str, VectorIndex] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def nearest(self, repository: str, vector: Vector, k: int) -> list[tuple[str, float]]:
        """The `k` nearest of the repository with their cosine similarity, nearest first."""
        index = await self._index(repository)
        return [(key, 1.0 - distance) for key, distance in index.nearest(vector, k)]

    def add(self, repository: str, vectors: Iterable[tuple[str, Vector]]) -> None:
        """Knows them from now on. They are stored before: what was not read yet is read with them."""
        if (index := self._indexes.get(repository)) is not None:
            for key, vector in vectors:
                index.add(key, vector)

    async def _index(self, repository: str) -> VectorIndex:
        async with self._reading.setdefault(repository, asyncio.Lock()):
            index = self._indexes.get(repository)
            if index is None:
                index = self._indexes[repository] = VectorIndex()
                try:
                    await self._read(repository, index)
                except BaseException:  # half of it would be taken for all
                    del self._indexes[repository]
                    raise
        self._indexes.move_to_end(repository)
        while len(self._indexes) > 1 and sum(map(len, self._indexes.values())) > self._most:
            self._indexes.popitem(last=False)
        return index

    async def _read(self, repository: str, index: VectorIndex) -> None:
        """It is in its place before it is whole, so that what is learned meanwhile is not left out."""
        async for page in self._pages(repository):
            whole = [(key, vector) for key, vector in page if len(vector) == _VECTOR_BYTES]
            if whole:
                vectors = np.frombuffer(b"".join(vector for _, vector in whole), dtype=np.float32)
                index.add_many([key for key, _ in whole], vectors.reshape(-1, DIMENSIONS))
