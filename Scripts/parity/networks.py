"""Torchvision's classifiers with seeded random weights, and pictures for them."""

from __future__ import annotations

import export_torchvision
import torch
from torch import Tensor
from torch.nn.functional import interpolate

FULL_SIZE = 224


def export(
    name: str,
    *,
    exporter: str = "torchscript",
    opset: int = 17,
    size: int | None = None,
    transform_input: bool = False,
) -> export_torchvision.Export:
    """What to build or export: dynamic batch, seed 0."""
    return export_torchvision.Export(
        name=name,
        size=size or export_torchvision.DEFAULT_SIZES.get(name, FULL_SIZE),
        exporter=exporter,
        opset=opset,
        batch=None,
        weights=False,
        transform_input=transform_input,
        seed=0,
    )


def pictures(count: int, size: int) -> Tensor:
    """Seeded inputs of coarse and fine structure, as pictures have, [count, 3, size, size]."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(count, 3, 5, 5, generator=generator)
    fine = torch.randn(count, 3, size, size, generator=generator)
    return interpolate(coarse, (size, size), mode="bilinear") + 0.5 * fine
