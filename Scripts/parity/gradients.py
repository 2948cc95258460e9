"""Gradients and Integrated Gradients of whole networks beside PyTorch's and captum's.

In float64 everything must agree. In float32 rounding flips the signs of ReLU and the choices of
pooling, each of which moves a gradient by a step: there, our distance from PyTorch's float64 is
judged beside that of PyTorch's own float32.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import export_torchvision
import networks
import numpy as np
import torch
from ascribe import Ascribe, AscribeError, distance
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from report import Row
from torch import Tensor, nn

NETWORKS = ("alexnet", "resnet50", "densenet121", "mobilenet_v2", "googlenet")
QUICK = ("alexnet", "mobilenet_v2")
SMALL_SIZES = {"alexnet": 224, "vgg16": 224}
"""Their pooling to 6x6 and 7x7 is exported for pictures that give just that."""
SMALL_SIZE = 64

TARGET = 7
STEPS = 32
EXACT = 1e-9
FLOOR = 1e-5
MEDIAN_FACTOR = 3
WORST_FACTOR = 5
INPUTS = 8
QUICK_INPUTS = 6
BATCH = 8
"""Steps of Integrated Gradients that captum takes at once."""


def gradient(network: nn.Module, picture: Tensor) -> Tensor:
    """The gradient of the target's output, [1, 3, size, size]."""
    picture = picture.clone().requires_grad_()
    output = network(picture)[0, TARGET]
    return torch.autograd.grad(output, picture)[0]


def captum_map(network: nn.Module, picture: Tensor) -> Tensor:
    """Captum's Integrated Gradients from the zero baseline, [1, 3, size, size]."""
    return IntegratedGradients(network).attribute(
        picture,
        target=TARGET,
        n_steps=STEPS,
        method="gausslegendre",
        internal_batch_size=BATCH,
    )


def exact_captum_map(network: nn.Module, picture: Tensor, steps: int = STEPS) -> Tensor:
    """The same with float64 weights of the steps, which captum rounds to float32.

    Each step is taken by captum, with a weight of one; the sum is taken here.
    """
    method = IntegratedGradients(network)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(picture)
    for node, weight in zip(nodes, weights, strict=True):
        (step,) = method._attribute(
            (picture,),
            (0,),
            target=TARGET,
            n_steps=1,
            step_sizes_and_alphas=([1.0], [(1 + float(node)) / 2]),
        )
        total += step.detach() * (float(weight) / 2)
    return total


@dataclass(frozen=True)
class Method:
    """What is computed, here and there."""

    name: str
    options: tuple[str, ...]
    reference: Callable[[nn.Module, Tensor], Tensor]
    """In float64."""
    peer: Callable[[nn.Module, Tensor], Tensor]
    """As users of PyTorch call it."""
    peer_limit: float
    """How far the peer is from the reference in float64 at most."""


GRADIENT = Method("gradient", ("--method", "gradient"), gradient, gradient, EXACT)
INTEGRATED = Method(
    "ig",
    ("--method", "ig", "--steps", str(STEPS), "--quadrature", "gauss-legendre"),
    exact_captum_map,
    captum_map,
    1e-7,
)


def rows(ascribe: Ascribe, method: Method, *, quick: bool) -> Iterator[Row]:
    """The float64 and the float32 rows of each network."""
    for name in QUICK if quick else NETWORKS:
        try:
            yield from exact_rows(ascribe, method, name)
            yield from rounded_rows(ascribe, method, name, QUICK_INPUTS if quick else INPUTS)
        except AscribeError as error:
            yield Row.failed(method.name, name, str(error))


def exact_rows(ascribe: Ascribe, method: Method, name: str) -> Iterator[Row]:
    size = SMALL_SIZES.get(name, SMALL_SIZE)
    network, pictures = prepared(name, size, 1)
    picture = pictures[:1]
    ours = attribute(ascribe, method, network, pictures, "--precision", "float64")[0]
    exact = widened(network)
    expected = method.reference(exact, picture.double()).numpy()
    subject = f"{name} {size}x{size}"
    check = f"{method.name} float64"
    yield Row(check, subject, distance(ours, expected), EXACT, "from PyTorch float64")
    if method.peer is not method.reference:
        peer = method.peer(exact, picture.double()).detach().numpy()
        yield Row(check, subject, distance(ours, peer), method.peer_limit, "from captum as shipped")


def rounded_rows(ascribe: Ascribe, method: Method, name: str, count: int) -> Iterator[Row]:
    network, pictures = prepared(name, networks.FULL_SIZE, count)
    ours = attribute(ascribe, method, network, pictures)
    exact = widened(network)
    own: list[float] = []
    peer: list[float] = []
    for index in range(count):
        picture = pictures[index : index + 1]
        expected = method.reference(exact, picture.double()).numpy()
        own.append(distance(ours[index], expected))
        peer.append(distance(method.peer(network, picture).detach().numpy(), expected))
    subject = f"{name}, {count} inputs"
    check = f"{method.name} float32"
    yield Row(
        f"{check} median",
        subject,
        median(own),
        max(FLOOR, MEDIAN_FACTOR * median(peer)),
        f"PyTorch float32: {median(peer):.1e}",
    )
    yield Row(
        f"{check} worst",
        subject,
        max(own),
        max(FLOOR, WORST_FACTOR * max(peer)),
        f"PyTorch float32: {max(peer):.1e}",
    )


def prepared(name: str, size: int, count: int) -> tuple[nn.Module, Tensor]:
    """A network with random weights, and pictures for it."""
    network = export_torchvision.built(networks.export(name, size=size))
    return network, networks.pictures(count, size)


def widened(network: nn.Module) -> nn.Module:
    """The network that an exported file describes, in float64: its numbers are float32's."""
    network = copy.deepcopy(network).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = float(np.float32(module.eps))
    return network


def attribute(
    ascribe: Ascribe, method: Method, network: nn.Module, pictures: Tensor, *options: str
) -> list[NDArray]:
    """Our maps, each [1, 3, size, size]."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write(network, model, pictures[:1])
        inputs = [picture[None] for picture in pictures.numpy()]
        return ascribe.attribute(
            model, inputs, "--target", str(TARGET), *method.options, *options
        )


def write(network: nn.Module, path: Path, example: Tensor) -> None:
    """Exports the network with its BatchNorms: folded in float32 they would be other weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=False,
            opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        )
