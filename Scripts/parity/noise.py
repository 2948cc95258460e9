"""The program's random numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15


def mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The outputs of SplitMix64 for states that have already been stepped."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class SampleNoise:
    """`SampleNoise` of the Swift sources, whole arrays at a time."""

    def __init__(self, purpose: str, seed: int = 0, digest: str = "") -> None:
        state = seed
        for byte in (digest + purpose).encode():
            state = int(mixed(np.array([((state ^ byte) + STEP) & MASK], np.uint64))[0])
        self.state = state

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Numbers from 0 up to 1: the low 53 bits, as Swift's `Double.random` takes them."""
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(STEP)
        numbers = mixed(steps + np.uint64(self.state))
        self.state = (self.state + count * STEP) & MASK
        return (numbers & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53

    def normal(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Numbers of the standard normal distribution, by Box and Muller's transform."""
        first, second = self.uniform(2 * int(np.prod(shape))).reshape(-1, 2).T
        return (np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)).reshape(shape)
