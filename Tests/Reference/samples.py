"""The pictures of models/shapes as inputs of the networks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from metrics import Array
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Sample:
    """One picture: its path below the folder of classes, its input [C, H, W], its label."""

    name: str
    path: Path
    x: Array
    target: int
    mask: NDArray[np.uint8] | None


def names(images: Path, count: int | None = None) -> list[str]:
    """CLASS/FILE, sorted; of `count` pictures those at equal distances."""
    found = sorted(path.relative_to(images).as_posix() for path in images.glob("*/*.png"))
    if count is None or count >= len(found):
        return found
    return found[:: len(found) // count][:count]


def samples(model: Path, images: Path, masks: Path | None, chosen: list[str]) -> list[Sample]:
    """The inputs of a model, by its preprocessing and labels.

    The pictures must have the model's size: resizing is not what is judged here.
    """
    preprocess = json.loads(model.with_suffix(".preprocess.json").read_text())
    labels = model.with_suffix(".labels.txt").read_text().split()
    size = (preprocess["crop"]["width"], preprocess["crop"]["height"])
    mean, deviation = (np.array(preprocess[key])[:, None, None] for key in ("mean", "std"))
    result = []
    for name in chosen:
        picture = Image.open(images / name)
        if picture.size != size or preprocess["resize"]["shortSide"] != min(size):
            raise ValueError(f"{name} is not {size[0]}x{size[1]}")
        pixels = np.asarray(picture.convert(preprocess["channels"]), np.float64).transpose(2, 0, 1)
        x = (pixels * preprocess["scale"] - mean) / deviation
        mask = None if masks is None else np.asarray(Image.open(masks / name).convert("L"))
        target = labels.index(name.split("/")[0])
        result.append(Sample(name, images / name, np.ascontiguousarray(x), target, mask))
    return result
