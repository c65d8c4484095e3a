"""The embeddings of past changes, in memory: an index for each repository, read from the store when it is first asked
about. After a restart nothing is there, and nothing is lost.

The least recently used repositories are let go when all together have more than `MOST_VECTORS` (1.5 kB each).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final
from weakref import WeakValueDictionary

import numpy as np

from models.embedding.encoder import DIMENSIONS
from models.embedding.index import Vector, VectorIndex
from models.ids import RunId
from models.ports import Changes

MOST_VECTORS: Final = 200_000
_VECTOR_BYTES: Final = 4 * DIMENSIONS  # another model's are of no use to this one


class Memory:
    """Indexes by repository. For one event loop: questions about a repository that is being read wait for it."""

    def __init__(self, changes: Changes, most: int = MOST_VECTORS) -> None:
        self._changes = changes
        self._most = most
        self._indexes: OrderedDict[str, VectorIndex] = OrderedDict()
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def nearest(self, repository: str, vector: Vector, k: int) -> list[tuple[RunId, float]]:
        """The `k` nearest past changes of the repository with their similarity, nearest first."""
        index = await self._index(repository)
        return [(RunId(run), 1.0 - distance) for run, distance in index.nearest(vector, k)]

    async def learn(self, repository: str, vectors: Mapping[RunId, Vector]) -> None:
        """Stores them, and knows them from now on."""
        await self._changes.embedded(repository, {run: vector.tobytes() for run, vector in vectors.items()})
        if (index := self._indexes.get(repository)) is not None:
            for run, vector in vectors.items():
                index.add(run, vector)

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
        async for page in self._changes.vectors(repository):
            whole = [(run, vector) for run, vector in page if len(vector) == _VECTOR_BYTES]
            if whole:
                vectors = np.frombuffer(b"".join(vector for _, vector in whole), dtype=np.float32)
                index.add_many([run for run, _ in whole], vectors.reshape(-1, DIMENSIONS))
