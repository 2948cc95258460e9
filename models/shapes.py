"""Draws the shapes data set: one shape on textured noise, with its mask as ground truth.

A picture is 64x64 RGB. Its background is noise of several scales over a colour gradient, strewn
with distractors (lines, dots and small irregular blobs, none of which is one of the classes); on
top lies one shape of random colour, size, rotation and place, with a gradient and noise of its
own. Edges are antialiased. The mask is the coverage of the shape, 255 inside.

Every picture is a function of (seed, index), whatever else is drawn:

    from shapes import CLASSES, draw
    picture = draw(seed=7, index=0)
    picture.pixels   # uint8 [64, 64, 3]
    picture.mask     # uint8 [64, 64]
    picture.label    # 0: CLASSES[0]

A series is the pictures of one seed. To write one into a folder for each class, or to look at it:

    python models/shapes.py FOLDER --series calibration --count 1000     # FOLDER/LABEL/NNN.png
    python models/shapes.py --sheet sheet.png --series train --count 80
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64
SUPERSAMPLING = 4
RADII = (10.0, 22.0)
MINIMUM_CONTRAST = 0.35

# The seeds. No two series share a picture.
SERIES = {"train": 1, "test": 2, "shipped": 3, "calibration": 4}

Points = np.ndarray


@dataclass(frozen=True)
class Part:
    """A filled outline in the unit disc; an empty part cuts a hole."""

    outline: Points
    filled: bool = True


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray
    mask: np.ndarray
    label: int


def _polar(radii: np.ndarray | list[float], start: float = -np.pi / 2) -> Points:
    angles = start + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.asarray(radii)[:, None]


def _disc(radius: float = 1.0, centre: tuple[float, float] = (0.0, 0.0)) -> Points:
    return _polar(np.full(96, radius)) + np.asarray(centre)


def _circle() -> list[Part]:
    return [Part(_disc(0.9))]


def _square() -> list[Part]:
    return [Part(_polar([1.0] * 4))]


def _triangle() -> list[Part]:
    return [Part(_polar([1.0] * 3))]


def _pentagon() -> list[Part]:
    return [Part(_polar([1.0] * 5))]


def _star() -> list[Part]:
    return [Part(_polar([1.0, 0.42] * 5))]


def _cross() -> list[Part]:
    w = 0.32
    quarter = [(w, -1.0), (w, -w), (1.0, -w)]
    corners = [(x, y) for turn in range(4) for x, y in (_turned(p, turn) for p in quarter)]
    return [Part(np.asarray(corners))]


def _turned(point: tuple[float, float], quarters: int) -> tuple[float, float]:
    x, y = point
    for _ in range(quarters):
        x, y = -y, x
    return x, y


def _ring() -> list[Part]:
    return [Part(_disc(0.95)), Part(_disc(0.55), filled=False)]


def _crescent() -> list[Part]:
    return [Part(_disc(0.95)), Part(_disc(0.8, centre=(0.5, 0.0)), filled=False)]


def _heart() -> list[Part]:
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [Part(np.stack([x, -y - 2], axis=1) / 16)]


def _arrow() -> list[Part]:
    head, neck, shaft = 0.62, 0.05, 0.24
    right = [(0.0, -1.0), (head, neck - 0.15), (shaft, neck - 0.15), (shaft, 1.0)]
    left = [(-x, y) for x, y in reversed(right[1:])]
    return [Part(np.asarray(right + left))]


SHAPES: dict[str, Callable[[], list[Part]]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "pentagon": _pentagon,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "crescent": _crescent,
    "heart": _heart,
    "arrow": _arrow,
}
CLASSES = list(SHAPES)


def _coverage(parts: list[Part], centre: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """The share of each pixel that the parts cover, float [SIDE, SIDE] in 0...1."""
    canvas = Image.new("L", (SIDE * SUPERSAMPLING,) * 2)
    pen = ImageDraw.Draw(canvas)
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    for part in parts:
        points = (part.outline @ rotation * radius + centre) * SUPERSAMPLING
        pen.polygon([tuple(p) for p in points.tolist()], fill=255 if part.filled else 0)
    return np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float64) / 255


def _noise(rng: np.random.Generator, channels: int) -> np.ndarray:
    """Noise of five scales, [SIDE, SIDE, channels], of about unit deviation."""
    total = np.zeros((SIDE, SIDE, channels))
    weights = rng.dirichlet(np.ones(5))
    for cells, weight in zip((3, 6, 12, 24, SIDE), weights):
        grid = rng.standard_normal((cells, cells, channels)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(grid[..., c]).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            for c in range(channels)
        ]
        total += np.sqrt(weight) * np.stack(layers, axis=-1)
    return total


def _gradient(rng: np.random.Generator, strength: float) -> np.ndarray:
    """A linear colour ramp in a random direction, [SIDE, SIDE, 3], zero in the middle."""
    angle = rng.uniform(0, 2 * np.pi)
    axis = np.linspace(-1, 1, SIDE)
    ramp = np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]
    return ramp[..., None] * rng.normal(0, strength, 3)


def _texture(rng: np.random.Generator, colour: np.ndarray, strength: float) -> np.ndarray:
    """A surface of a colour, with a ramp and with grey and coloured noise on it."""
    grey = _noise(rng, 1) * rng.uniform(0.2, 1) * strength
    tint = _noise(rng, 3) * rng.uniform(0.0, 0.6) * strength
    return colour + _gradient(rng, strength) + grey + tint


def _painted(surface: np.ndarray, coverage: np.ndarray, paint: np.ndarray) -> np.ndarray:
    return surface + coverage[..., None] * (paint - surface)


def _distractor(rng: np.random.Generator) -> np.ndarray:
    """The coverage of a line, a dot or a small irregular blob."""
    kind = rng.integers(3)
    if kind == 0:
        canvas = Image.new("L", (SIDE * SUPERSAMPLING,) * 2)
        ends = rng.uniform(-8, SIDE + 8, 4) * SUPERSAMPLING
        width = int(rng.integers(SUPERSAMPLING, 3 * SUPERSAMPLING))
        ImageDraw.Draw(canvas).line(ends.tolist(), fill=255, width=width)
        return np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float64) / 255
    centre = rng.uniform(0, SIDE, 2)
    if kind == 1:
        return _coverage([Part(_disc())], centre, rng.uniform(0.7, 2.2), 0.0)
    outline = _polar(rng.uniform(0.35, 1.0, int(rng.integers(6, 11))))
    return _coverage([Part(outline)], centre, rng.uniform(2.5, 5.0), rng.uniform(0, 2 * np.pi))


def _object_colour(rng: np.random.Generator, surroundings: np.ndarray) -> np.ndarray:
    """A colour that differs from its surroundings enough to be seen."""
    while True:
        colour = rng.uniform(0.03, 0.97, 3)
        if np.linalg.norm(colour - surroundings) >= MINIMUM_CONTRAST:
            return colour


def draw(seed: int, index: int, label: int | None = None) -> Picture:
    """Draws picture `index` of the series `seed`; labels go round unless one is given."""
    rng = np.random.default_rng((seed, index))
    label = index % len(CLASSES) if label is None else label

    surface = _texture(rng, np.clip(rng.normal(0.5, 0.15, 3), 0.1, 0.9), rng.uniform(0.04, 0.14))
    for _ in range(int(rng.integers(2, 9))):
        surface = _painted(surface, _distractor(rng), rng.uniform(0, 1, 3))

    radius = rng.uniform(*RADII)
    centre = rng.uniform(radius + 1, SIDE - radius - 1, 2)
    coverage = _coverage(SHAPES[CLASSES[label]](), centre, radius, rng.uniform(0, 2 * np.pi))
    surroundings = np.average(surface, axis=(0, 1), weights=coverage)
    paint = _texture(rng, _object_colour(rng, surroundings), rng.uniform(0.01, 0.07))
    surface = _painted(surface, coverage, paint)

    surface += rng.normal(0, rng.uniform(0.0, 0.03), surface.shape)
    pixels = np.rint(np.clip(surface, 0, 1) * 255).astype(np.uint8)
    return Picture(pixels, np.rint(coverage * 255).astype(np.uint8), label)


def series(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws pictures 0..<count: pixels [N, 64, 64, 3], masks [N, 64, 64] and labels [N]."""
    pixels = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8)
    masks = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    for index in range(count):
        picture = draw(seed, index)
        pixels[index], masks[index], labels[index] = picture.pixels, picture.mask, picture.label
    return pixels, masks, labels


def file_name(index: int) -> str:
    """Where picture `index` of a series lies in a folder of its classes."""
    number, label = divmod(index, len(CLASSES))
    return f"{CLASSES[label]}/{number:03d}.png"


def write_folder(folder: Path, seed: int, count: int) -> None:
    """Writes pictures 0..<count of a series, each into the folder of its class."""
    for index in range(count):
        path = folder / file_name(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(seed, index).pixels).save(path)


def _sheet(seed: int, count: int) -> Image.Image:
    """Whole rows of pictures, one column for each class."""
    rows = -(-count // len(CLASSES))
    pixels, _, _ = series(seed, rows * len(CLASSES))
    grid = pixels.reshape(rows, len(CLASSES), SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(grid.reshape(rows * SIDE, len(CLASSES) * SIDE, 3))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("folder", type=Path, nargs="?", help="receives LABEL/NNN.png")
    where.add_argument("--sheet", type=Path, metavar="PNG", help="one picture of all of them")
    parser.add_argument("--series", choices=SERIES, default="test")
    parser.add_argument("--count", type=int, default=80, help="pictures; the classes take turns")
    options = parser.parse_args()
    seed = SERIES[options.series]
    if options.sheet:
        _sheet(seed, options.count).save(options.sheet)
    else:
        write_folder(options.folder, seed, options.count)


if __name__ == "__main__":
    main()
