"""Chance for the demo world: a number for every (seed, name, index), the same on every machine and in any order.

Numbers come from hashing counters (SplitMix64), not from a stream: any entity can be drawn alone, and nothing depends
on how the world is cut into blocks, nor on which numpy release is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Dice:
    """Uniform, normal and categorical draws by name and index."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[str, np.uint64] = {}

    def uniform(self, name: str, index: Ints) -> Floats:
        """Numbers in [0, 1), one per index."""
        mixed = index.astype(np.uint64)
        mixed *= _GOLDEN
        mixed += self._key(name)
        mixed ^= mixed >> np.uint64(30)
        mixed *= _FIRST
        mixed ^= mixed >> np.uint64(27)
        mixed *= _SECOND
        mixed ^= mixed >> np.uint64(31)
        return np.asarray((mixed >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

    def normal(self, name: str, index: Ints) -> Floats:
        """Standard normal numbers (Box and Muller 1958)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(name + "/radius", index)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(name + "/angle", index)), dtype=np.float64)

    def whole(self, name: str, index: Ints, low: int, high: int) -> Ints:
        """Whole numbers from low to high, both included."""
        return (low + np.floor(self.uniform(name, index) * (high - low + 1))).astype(np.int64)

    def choice(self, name: str, index: Ints, weights: Sequence[float] | Floats) -> Ints:
        """Positions in `weights`, each drawn as often as its weight says; they may all be 0 where nothing is drawn."""
        if not len(index):
            return np.empty(0, dtype=np.int64)
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        picked = np.searchsorted(edges / edges[-1], self.uniform(name, index), side="right")
        return np.minimum(picked, len(edges) - 1).astype(np.int64)

    def one(self, name: str, index: int) -> float:
        """One number in [0, 1)."""
        return float(self.uniform(name, np.array([index], dtype=np.int64))[0])

    def _key(self, name: str) -> np.uint64:
        if name not in self._keys:
            digest = sha256(f"{self._seed}:{name}".encode()).digest()
            self._keys[name] = np.uint64(int.from_bytes(digest[:8], "little"))
        return self._keys[name]
