"""The maps that are judged, by PyTorch's autograd in float64 from the weights of an ONNX file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from metrics import Array

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "Scripts/parity"))
from onnx_network import OnnxNetwork  # noqa: E402

BATCH = 64


class Network:
    """A classifier of one file, NumPy in and out."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._module = OnnxNetwork(path).double()

    def scores(self, inputs: Array) -> Array:
        with torch.no_grad():
            parts = [self._module(part) for part in torch.from_numpy(inputs).split(BATCH)]
        return torch.cat(parts).numpy()

    def gradients(self, inputs: Array, target: int) -> Array:
        """Of the target's logit, of each input on its own."""
        results = []
        for part in torch.from_numpy(inputs).split(BATCH):
            part = part.clone().requires_grad_()
            total = self._module(part)[:, target].sum()
            results.append(torch.autograd.grad(total, part)[0])
        return torch.cat(results).numpy()


def gauss_legendre(steps: int) -> tuple[Array, Array]:
    """Positions in 0...1 and weights that sum to one."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (1 + nodes) / 2, weights / 2


def midpoints(steps: int, power: float = 1) -> tuple[Array, Array]:
    """Midpoints of the intervals between edges t^power, t uniform."""
    edges = (np.arange(steps + 1) / steps) ** power
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges)


QUADRATURES: dict[str, Callable[[int], tuple[Array, Array]]] = {
    "gauss-legendre": gauss_legendre,
    "midpoint": midpoints,
    "warped:2": lambda steps: midpoints(steps, 2),
}


def gradient(network: Network, x: Array, target: int) -> Array:
    return network.gradients(x[None], target)[0]


def input_times_gradient(network: Network, x: Array, target: int) -> Array:
    """That of a bias-free network is the X-gradient."""
    return x * gradient(network, x, target)


def integrated(network: Network, x: Array, target: int, steps: int, quadrature: str) -> Array:
    """Integrated Gradients from the zero baseline."""
    positions, weights = QUADRATURES[quadrature](steps)
    gradients = network.gradients(positions[:, None, None, None] * x, target)
    return x * np.tensordot(weights, gradients, axes=1)


Method = Callable[[Network, Array, int], Array]


def method(name: str) -> Method:
    """By the name that `--methods` takes: gradient, input-x-gradient, xg, ig:128:quadrature=...

    A random map is noise of this script's own, the same for the same picture.
    """
    kind, *settings = name.split(":", 2)
    if kind == "gradient":
        return gradient
    if kind in ("input-x-gradient", "xg"):
        return input_times_gradient
    if kind == "random":
        return random
    if kind != "ig":
        raise ValueError(f"there is no reference of '{name}'")
    steps, quadrature = 128, "warped:2"
    for setting in settings:
        if setting.startswith("quadrature="):
            quadrature = setting.removeprefix("quadrature=")
        else:
            steps = int(setting)
    return lambda network, x, target: integrated(network, x, target, steps, quadrature)


def random(network: Network, x: Array, target: int) -> Array:
    seed = np.frombuffer(x.tobytes(), np.uint32)
    return np.random.default_rng(seed).standard_normal(x.shape)
