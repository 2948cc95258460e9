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

BATCH = 16


class Network:
    """A classifier of one file, NumPy in and out; `single` takes its gradients in float32."""

    def __init__(self, path: Path, *, single: bool = False) -> None:
        self.name = path.stem
        self._single = OnnxNetwork(path)
        self._double = OnnxNetwork(path).double()
        self._differentiated = self._single if single else self._double
        self._type = torch.float32 if single else torch.float64

    def scores(self, inputs: Array) -> Array:
        """Logits in float32, as the scores of pictures with masks need no more."""
        return self._scores(self._single, torch.from_numpy(inputs).float()).astype(np.float64)

    def exact_scores(self, inputs: Array) -> Array:
        """Logits in float64, where differences of them are what is measured."""
        return self._scores(self._double, torch.from_numpy(inputs))

    @staticmethod
    def _scores(module: OnnxNetwork, inputs: torch.Tensor) -> Array:
        with torch.no_grad():
            return torch.cat([module(part) for part in inputs.split(BATCH)]).numpy()

    def gradients(self, inputs: Array, target: int) -> Array:
        """Of the target's logit, of each input on its own."""
        results = []
        for part in torch.from_numpy(inputs).to(self._type).split(BATCH):
            part = part.clone().requires_grad_()
            total = self._differentiated(part)[:, target].sum()
            results.append(torch.autograd.grad(total, part)[0])
        return torch.cat(results).double().numpy()


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


def canonical(name: str) -> str:
    """A name of `--methods` with the defaults of Integrated Gradients written out."""
    kind, _, settings = name.partition(":")
    if kind != "ig":
        return name
    steps, _, quadrature = settings.partition("quadrature=")
    rule = quadrature.replace("warped:power=2.0", "warped:2") or "secant"
    return f"ig:{steps.rstrip(':') or 128}:quadrature={rule}"


def method(name: str) -> Method:
    """By the name that `--methods` takes: gradient, input-x-gradient, xg, random, ig:128."""
    simple = {
        "gradient": gradient,
        "input-x-gradient": input_times_gradient,
        "xg": input_times_gradient,
        "random": random,
    }
    if name in simple:
        return simple[name]
    kind, steps, quadrature = canonical(name).split(":", 2)
    if kind != "ig":
        raise ValueError(f"there is no reference of '{name}'")
    quadrature = quadrature.removeprefix("quadrature=")
    if quadrature not in QUADRATURES:
        raise ValueError(f"there is no reference of '{name}'")
    return lambda network, x, target: integrated(network, x, target, int(steps), quadrature)


def random(network: Network, x: Array, target: int) -> Array:
    """Noise of this script's own, the same for the same picture."""
    seed = np.frombuffer(x.tobytes(), np.uint32)
    return np.random.default_rng(seed).standard_normal(x.shape)
