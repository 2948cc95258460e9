"""The metrics of `ascribe evaluate`, written from their definitions alone, in NumPy and PyTorch.

Nothing here was taken from the program: docs/evaluation.md says what each metric is, and this is
another reading of the same text. A map `a` is the attribution of one picture,
[C, H, W], and `x` its input, [C, H, W]. `scores` takes inputs [N, C, H, W] to logits [N, classes].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scores = Callable[[Array], Array]
Explain = Callable[[Array], Array]

MASK_SHARES = np.geomspace(0.01, 1, 16)
"""The shares of pixels of KPM and its like."""
ORDER_SHARES = np.arange(33) / 32
"""The shares of pixels of insertion and deletion."""
ALPHAS = np.arange(10, 0, -1) / 10
"""The factors of contrast."""
CLOSE = 1e-4
"""Scores nearer than this, relative to the largest, are in doubt."""


@dataclass(frozen=True)
class Curve:
    """A value at each position; the metric is what `value` says."""

    positions: Array
    values: Array
    value: float
    doubt: float = 0
    """How much of the value hangs on scores too close for float32 to tell the larger."""


def integral(positions: Array, values: Array) -> Curve:
    """The trapezoid integral over the positions as they are, not divided by their length."""
    value = float(np.sum(np.diff(positions) * (values[1:] + values[:-1]) / 2))
    return Curve(positions, values, value)


# Blurs


def gaussian(size: int, sigma: float) -> Array:
    """`size` weights that sum to one."""
    distance = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    return weights / weights.sum()


def blurred(x: Array, size: int, sigma: float) -> Array:
    """Gaussian blur of each channel; the border mirrors the picture without repeating its edge."""
    margin = size // 2
    weights = gaussian(size, sigma)
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    rows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1) @ weights
    return np.lib.stride_tricks.sliding_window_view(rows, size, axis=2) @ weights


def mask_blur(x: Array) -> Array:
    return blurred(x, 51, 41 * np.sqrt(2))


def insertion_blur(x: Array) -> Array:
    return blurred(x, 11, 5)


# Keep and remove


@dataclass(frozen=True)
class Masking:
    """One of the six metrics of masks."""

    keep: bool
    sign: str
    accuracy: bool = False


MASKINGS = {
    "kpm": Masking(keep=True, sign="positive"),
    "knm": Masking(keep=True, sign="negative"),
    "kam": Masking(keep=True, sign="absolute", accuracy=True),
    "ram": Masking(keep=False, sign="absolute", accuracy=True),
    "rpm": Masking(keep=False, sign="positive"),
    "rnm": Masking(keep=False, sign="negative"),
}


def masks(a: Array, masking: Masking) -> NDArray[np.bool_]:
    """Which pixels keep the picture's values, [16, H, W]; the others take the blurred ones."""
    mean = a.mean(axis=0)
    signed = {"positive": mean, "negative": -mean, "absolute": np.abs(mean)}[masking.sign]
    weights = np.maximum(signed, 0).ravel()
    nonzero = int(np.count_nonzero(weights))
    if masking.keep:
        order = np.argsort(-weights, kind="stable")
    else:
        ascending = np.argsort(weights, kind="stable")
        order = ascending[weights[ascending] > 0]
    result = np.zeros((len(MASK_SHARES), weights.size), dtype=bool)
    for row, share in zip(result, MASK_SHARES, strict=True):
        row[order[: int(min(share * weights.size, nonzero))]] = True
    return result.reshape(-1, *mean.shape)


def masked_score(
    scores: Scores,
    x: Array,
    a: Array,
    target: int,
    masking: Masking,
    background: Array | None = None,
) -> Curve:
    """KPM, KNM, KAM, RAM, RPM or RNM of one picture, by default on the blurred one."""
    background = mask_blur(x) if background is None else background
    shown = masks(a, masking)[:, None]
    logits = scores(np.where(shown, x[None], background[None]))
    if not masking.accuracy:
        return integral(MASK_SHARES, logits[:, target])
    correct = integral(MASK_SHARES, 100.0 * (logits.argmax(1) == target))
    return replace(correct, doubt=integral(MASK_SHARES, 100.0 * close(logits, target)).value)


def close(logits: Array, target: int) -> NDArray[np.bool_]:
    """Where the target is nearly as high as the best of the others."""
    others = np.delete(logits, target, axis=1).max(axis=1)
    return np.abs(logits[:, target] - others) < CLOSE * np.abs(logits).max(axis=1)


# Insertion and deletion


def probability(logits: Array, target: int) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers[:, target] / powers.sum(axis=1)


def replaced(start: Array, end: Array, a: Array) -> Array:
    """Pictures between start and end, [33, C, H, W], the pixels of the largest mean first."""
    mean = a.mean(axis=0).ravel()
    order = np.argsort(-mean, kind="stable")
    taken = np.zeros((len(ORDER_SHARES), mean.size), dtype=bool)
    for row, share in zip(taken, ORDER_SHARES, strict=True):
        row[order[: int(share * mean.size)]] = True
    return np.where(taken.reshape(-1, 1, *a.shape[1:]), end[None], start[None])


def insertion(
    scores: Scores, x: Array, a: Array, target: int, background: Array | None = None
) -> Curve:
    pictures = replaced(insertion_blur(x) if background is None else background, x, a)
    return integral(ORDER_SHARES, probability(scores(pictures), target))


def deletion(
    scores: Scores, x: Array, a: Array, target: int, background: Array | None = None
) -> Curve:
    pictures = replaced(x, np.zeros_like(x) if background is None else background, a)
    return integral(ORDER_SHARES, probability(scores(pictures), target))


# What needs no network


def difference(a: Array, reference: Array) -> float:
    """Mean absolute relative difference in per cent; either one picture or a batch."""
    return float(100 * np.abs(a - reference).mean() / (np.abs(reference).mean() + 1e-7))


def batch_difference(maps: Array, references: Array, size: int = 16) -> Array:
    """The same of each batch tensor; the last may be smaller."""
    starts = range(0, len(maps), size)
    return np.array([difference(maps[i : i + size], references[i : i + size]) for i in starts])


def pointing(a: Array, mask: NDArray[np.uint8]) -> float:
    """100 where the pixel of the largest |a|, summed over channels, lies in the mask."""
    weights = np.abs(a).sum(axis=0)
    return 100.0 * bool(mask.ravel()[weights.argmax()] >= 128)


def relevance_mass(a: Array, mask: NDArray[np.uint8]) -> float:
    """The share of |a| that lies in the mask."""
    weights = np.abs(a).sum(axis=0)
    return float(weights[mask >= 128].sum() / weights.sum())


def gini(a: Array) -> float:
    """0 where all pixels weigh the same, near 1 where one has all the weight."""
    weights = np.sort(np.abs(a).sum(axis=0).ravel())
    count = weights.size
    ranks = np.arange(1, count + 1)
    return float(1 - 2 * np.sum(weights / weights.sum() * (count - ranks + 0.5) / count))


# What the network says


def top(logits: Array, target: int, count: int) -> float:
    """100 where the target is among the `count` highest scores."""
    return 100.0 * bool(target in np.argsort(-logits, kind="stable")[:count])


def contrast(scores: Scores, x: Array, target: int) -> Curve:
    """Top-1 of the input times each factor; the value is the mean."""
    logits = scores(ALPHAS[:, None, None, None] * x)
    correct = 100.0 * (logits.argmax(1) == target)
    doubt = 100 * float(close(logits, target).mean())
    return Curve(ALPHAS, correct, float(correct.mean()), doubt)


def completeness(scores: Scores, x: Array, a: Array, target: int) -> float:
    """The error of the map's sum beside what it should be, from the zero baseline."""
    end, start = scores(np.stack([x, np.zeros_like(x)]))[:, target]
    return float(abs(a.sum() - (end - start)) / abs(end - start))


def infidelity(
    scores: Scores, x: Array, a: Array, target: int, noise: np.random.Generator
) -> float:
    """Yeh et al. 2019 with 16 squares removed; `a` is in units of the score, as x times a gradient."""
    height, width = x.shape[1:]
    side = max(1, min(height, width) // 4)
    kept = np.ones((16, 1, height, width))
    for square in kept[:, 0]:
        top, left = noise.integers(height - side + 1), noise.integers(width - side + 1)
        square[top : top + side, left : left + side] = 0
    logits = scores(np.concatenate([x[None], x * kept]))[:, target]
    expected = ((1 - kept) * a).sum(axis=(1, 2, 3))
    return float(np.mean((expected - (logits[0] - logits[1:])) ** 2))


def max_sensitivity(explain: Explain, x: Array, a: Array, noise: np.random.Generator) -> float:
    """Yeh et al. 2019 with 10 uniform perturbations of at most .02."""
    changes = [explain(x + noise.uniform(-0.02, 0.02, x.shape)) - a for _ in range(10)]
    return float(max(np.linalg.norm(change) for change in changes) / np.linalg.norm(a))
