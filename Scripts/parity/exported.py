"""Exported models: whether other programs take the files, and whether they explain as ascribe does.

The figures are onnxruntime's of the file that export writes beside those of `ascribe attribute` on
the model itself. In float32 rounding flips the signs of ReLU: where two programs differ for that,
the distance from PyTorch in float64 is judged beside that of PyTorch in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import gradients
import networks
import numpy as np
import onnx
import onnxruntime
from ascribe import Ascribe, AscribeError, distance
from numpy.typing import NDArray
from onnx_network import OnnxNetwork
from report import Row
from torch import Tensor, nn

MODELS = Path(__file__).resolve().parents[2] / "models"
SHIPPED = (
    "shapes",
    *(f"pairs/{name}{kind}" for name in ("alexnet", "vgg", "resnet") for kind in ("", "-x")),
)
QUICK_SHIPPED = ("shapes", "pairs/alexnet-x")
NETWORKS = ("alexnet", "resnet50", "densenet121", "mobilenet_v2")
QUICK = ("alexnet", "mobilenet_v2")

STEPS = 32
INPUTS = 8
PATH_INPUTS = 5
QUICK_INPUTS = 3
BATCH = 2
"""Samples that onnxruntime takes at once: the exporters saw one."""
LIMIT = 1e-4
FACTOR = 3
OPSETS = (17, 18, 21)

Attribution = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """What is exported."""

    name: str
    options: tuple[str, ...]
    reference: Attribution | None = None
    """In PyTorch, for the class whose score is largest; none where signs do not decide."""

    @property
    def is_path(self) -> bool:
        """Whether it adds up gradients along a path."""
        return "ig" in self.options


def input_x_gradient(network: nn.Module, picture: Tensor) -> Tensor:
    """Picture times the gradient of its largest score, [1, 3, size, size]."""
    point = picture.clone().requires_grad_()
    network(point)[0].max().backward()
    return (point.grad * picture).detach()


def integrated(network: nn.Module, picture: Tensor) -> Tensor:
    """Integrated Gradients of the largest score by the midpoint rule, [1, 3, size, size]."""
    target = int(network(picture)[0].argmax())
    total = picture * 0
    for step in range(STEPS):
        point = (picture * ((step + 0.5) / STEPS)).requires_grad_()
        network(point)[0, target].backward()
        total += point.grad / STEPS
    return (total * picture).detach()


TIMES = Method("input-x-gradient", ("--method", "input-x-gradient"), input_x_gradient)
X_GRADIENT = Method("xg", ("--method", "xg"), input_x_gradient)
PATH = Method(
    f"ig({STEPS})",
    ("--method", "ig", "--steps", str(STEPS), "--quadrature", "midpoint"),
    integrated,
)
MEANS = Method(f"ig({STEPS}), means", ("--method", "ig", "--steps", str(STEPS)))


def rows(ascribe: Ascribe, *, quick: bool) -> Iterator[Row]:
    """The rows of the shipped models and of torchvision's networks."""
    count = QUICK_INPUTS if quick else INPUTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for shipped in QUICK_SHIPPED if quick else SHIPPED:
            yield from shipped_rows(ascribe, shipped, folder, count)
        for network in QUICK if quick else NETWORKS:
            try:
                yield from network_rows(ascribe, network, folder, count)
            except (AscribeError, onnx.checker.ValidationError) as error:
                yield Row.failed("export", network, str(error))


def shipped_rows(ascribe: Ascribe, name: str, folder: Path, count: int) -> Iterator[Row]:
    model = MODELS / f"{name}.onnx"
    pictures = networks.pictures(count, 64)
    for method in (X_GRADIENT if name.endswith("-x") else TIMES, PATH, MEANS):
        for opset in OPSETS:
            try:
                yield row(ascribe, method, name, model, pictures, folder, opset=opset)
            except (AscribeError, onnx.checker.ValidationError) as error:
                yield Row.failed(f"export {method.name}", name, str(error))


def network_rows(ascribe: Ascribe, name: str, folder: Path, count: int) -> Iterator[Row]:
    network, pictures = gradients.prepared(name, networks.FULL_SIZE, count)
    model = folder / f"{name}.onnx"
    gradients.write(network, model, pictures[:1])
    for method in (TIMES, PATH, MEANS):
        yield row(ascribe, method, name, model, pictures, folder, network)
    stripped = folder / f"{name}-x.onnx"
    ascribe.strip_biases(model, stripped, "--replace")
    bare = OnnxNetwork(stripped).eval()
    yield row(ascribe, X_GRADIENT, f"{name}, stripped", stripped, pictures, folder, bare)


def row(
    ascribe: Ascribe,
    method: Method,
    name: str,
    model: Path,
    pictures: Tensor,
    folder: Path,
    network: nn.Module | None = None,
    opset: int | None = None,
) -> Row:
    """The median distance of onnxruntime's maps from ours; of a network, from float64 if that is not
    within the limit."""
    if method.is_path:
        pictures = pictures[:PATH_INPUTS]
    exported = folder / "explained.onnx"
    options = ("--opset", str(opset)) if opset else ()
    ascribe.export(model, exported, *method.options, *options)
    onnx.checker.check_model(str(exported), full_check=True)
    images = pictures.numpy()
    theirs, seconds = explained(exported, images)
    ours, own_seconds = ascribe.timed(model, [image[None] for image in images], *method.options)
    measured = median(
        distance(theirs[index : index + 1], ours[index]) for index in range(len(images))
    )
    size = exported.stat().st_size / 1e6
    note = f"{size:.1f} MB, onnxruntime {seconds:.2f} s an input, ascribe {own_seconds:.2f} s"
    limit = LIMIT
    if network is not None and method.reference is not None and measured > LIMIT:
        note += f", {measured:.1e} from ascribe's"
        measured, peer = rounding(method.reference, network, pictures, theirs)
        limit = max(LIMIT, FACTOR * peer)
        note += f"; from float64, PyTorch float32: {peer:.1e}"
    subject = f"{name}, opset {opset}" if opset else name
    return Row(f"export {method.name}", subject, measured, limit, note)


def explained(model: Path, images: NDArray) -> tuple[NDArray, float]:
    """The maps that onnxruntime computes in batches, and the seconds that it takes for each."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: images[:1]})
    start = perf_counter()
    maps = [
        session.run(["attribution"], {name: images[index : index + BATCH]})[0]
        for index in range(0, len(images), BATCH)
    ]
    return np.concatenate(maps), (perf_counter() - start) / len(images)


def rounding(
    reference: Attribution, network: nn.Module, pictures: Tensor, maps: NDArray
) -> tuple[float, float]:
    """The median distances from PyTorch's float64 maps, of these maps and of its float32 maps."""
    exact = gradients.widened(network)
    theirs, peers = [], []
    for index in range(len(pictures)):
        picture = pictures[index : index + 1]
        expected = reference(exact, picture.double()).numpy()
        theirs.append(distance(maps[index : index + 1], expected))
        peers.append(distance(reference(network, picture).numpy(), expected))
    return median(theirs), median(peers)
