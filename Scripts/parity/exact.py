"""Exact Integrated Gradients of small networks beside very many midpoints.

Midpoints are those of PyTorch in float64. On networks that are piecewise linear both are the same but
for the midpoints' own error, which falls like one over their number.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import networks
import numpy as np
import torch
from ascribe import Ascribe, AscribeError, distance
from gradients import TARGET, widened, write
from numpy.typing import NDArray
from report import Row
from torch import Tensor, nn

MIDPOINTS = 100_000
BATCH = 2_000
LIMIT = 1e-5
INPUTS = 3
QUICK_INPUTS = 1
CLASSES = 10


def perceptron() -> tuple[nn.Module, Tensor]:
    """Three layers, and inputs of 64 features."""
    network = nn.Sequential(
        nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, CLASSES)
    )
    return network, networks.pictures(INPUTS, 8)[:, 0].flatten(1)


def convolutions() -> tuple[nn.Module, Tensor]:
    """Two convolutions, each with a pooling, and pictures of 12x12."""
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(72, CLASSES),
    )
    return network, networks.pictures(INPUTS, 12)


NETWORKS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "MLP of 3 layers": perceptron,
    "CNN of 2 convolutions": convolutions,
}


def rows(ascribe: Ascribe, *, quick: bool) -> Iterator[Row]:
    """For each network a row in both precisions, of the worst input."""
    for name, make in NETWORKS.items():
        torch.manual_seed(0)
        network, inputs = make()
        inputs = inputs[: QUICK_INPUTS if quick else INPUTS]
        expected = [midpoints(widened(network), x.double()) for x in inputs.split(1)]
        for precision in ("float64", "float32"):
            check = f"ig exact {precision}"
            try:
                maps = attributed(ascribe, network.eval(), inputs, precision)
            except AscribeError as error:
                yield Row.failed(check, name, str(error))
                continue
            worst = max(map(distance, maps, expected))
            subject = f"{name}, worst of {len(inputs)}"
            yield Row(check, subject, worst, LIMIT, f"from {MIDPOINTS:,} midpoints in float64")


def midpoints(network: nn.Module, x: Tensor) -> NDArray:
    """The map from the zero baseline."""
    total = torch.zeros_like(x)
    for first in range(0, MIDPOINTS, BATCH):
        places = (torch.arange(first, first + BATCH, dtype=x.dtype) + 0.5) / MIDPOINTS
        points = (places.reshape(-1, *[1] * (x.dim() - 1)) * x).requires_grad_()
        score = network(points)[:, TARGET].sum()
        total += torch.autograd.grad(score, points)[0].sum(0, keepdim=True)
    return (x * total / MIDPOINTS).numpy()


def attributed(
    ascribe: Ascribe, network: nn.Module, inputs: Tensor, precision: str
) -> list[NDArray]:
    options = ("--method", "ig", "--quadrature", "exact", "--precision", precision)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write(network, model, inputs[:1])
        arrays = [np.ascontiguousarray(x) for x in inputs.numpy()[:, None]]
        return ascribe.attribute(model, arrays, "--target", str(TARGET), *options)
