"""Attribution methods beside captum's and beside the plain references of `relevance.py`.

In float64 the maps must agree; float32 is judged as the gradients are. Where a map sums gradients at
several points, one value near zero or one near tie at any of them shows in it: those maps are judged
by more inputs. The references themselves
are compared with captum wherever it can run: it gets a module for each node of the file, since it
refuses modules used twice, and the faults that `mended` names are put right.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import gradients
import networks
import numpy as np
import references
import torch
from ascribe import Ascribe, AscribeError, distance
from captum.attr import LRP, DeepLift, Occlusion
from gradients import FLOOR, MEDIAN_FACTOR
from numpy.typing import NDArray
from references import (
    BLUR_SIGMA,
    BLUR_STEPS,
    GUIDED_DISTANCE,
    GUIDED_FRACTION,
    GUIDED_STEPS,
    HIGH,
    LOW,
    SAMPLES,
    SIGMA,
    STEPS,
    Peer,
)
from relevance import Network
from report import Row
from torch import Tensor, nn
from torch.nn import functional

MODELS = Path(__file__).resolve().parents[2] / "models"
SMALL = {
    "shapes": MODELS / "shapes.onnx",
    **{
        f"pairs/{name}": MODELS / f"pairs/{name}.onnx"
        for name in ("alexnet", "alexnet-x", "vgg", "vgg-x", "resnet", "resnet-x")
    },
}
SMALL_SIZE = 64
LARGE = {"alexnet": 224, "resnet50": 64, "vgg16": 64}
QUICK = ("shapes", "pairs/resnet")

EXACT = 1e-8
CAPTUM_EXACT = 1e-9
CAPTUM_OCCLUSION = 1e-6
"""Captum's occlusion maps are float32 whatever the network is."""
INPUTS = 3
MANY_INPUTS = 9

ZERO = "zero"
"""The baseline of methods that nothing else is said of, some of which have none."""

Reference = Callable[[Peer, Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """What the program is asked for, given the size of the input, and who answers."""

    item: str
    reference: Reference
    source: str
    baseline: str = ZERO
    compared: Callable[[NDArray], NDArray] = np.asarray
    """What of the map: by default all."""
    inputs: int = INPUTS
    """How many float32 is judged by."""
    is_chaotic: bool = False
    """Whether changes of 1e-6 in gradients lead elsewhere in float64 too: of float32 maps the best is
    judged then, one that took the same way."""

    @property
    def name(self) -> str:
        """Without the numbers."""
        name, *settings = self.item.split(":")
        rules = [setting.removeprefix("rule=") for setting in settings if "rule=" in setting]
        return " ".join([name, *rules])

    def arguments(self, peer: Peer, size: int, folder: Path) -> list[str]:
        edge, stride = references.windows(size)
        item = self.item.format(layer=peer.layer, edge=edge, stride=stride)
        asked = ["--method", item, "--target", str(peer.target)]
        if self.baseline == ZERO:
            return asked
        return [*asked, "--baseline", self.baseline.format(folder=folder)]


def bounds(values: tuple[float, ...]) -> str:
    return "/".join(map(str, values))


def total(values: NDArray) -> NDArray:
    return values.sum(dtype=np.float64)


CAPTUM = "captum"
PLAIN = "a plain reference"
PUBLISHED = "the authors' steps in PyTorch"
OTHER = "{folder}/0.npy"
BOTH = "{folder}/0.npy,{folder}/1.npy"

METHODS = (
    Method("gradient", references.gradient, CAPTUM),
    Method("guided-backprop", references.guided_backprop, CAPTUM),
    Method("deconvnet", references.deconvnet, CAPTUM),
    Method("deeplift", references.deeplift, PLAIN, OTHER),
    Method("lrp:rule=epsilon:epsilon=1e-9", references.lrp, PLAIN),
    Method("occlusion:patch={edge}:stride={stride}", references.occlusion, PLAIN),
    Method("grad-cam:layer={layer}", references.grad_cam, CAPTUM),
    Method(
        f"conductance:{STEPS}:quadrature=left:layer={{layer}}",
        references.conductance,
        CAPTUM,
        OTHER,
        inputs=MANY_INPUTS,
    ),
    Method(
        f"smoothgrad:{SAMPLES}:sigma={SIGMA}",
        references.smoothgrad,
        CAPTUM,
        inputs=MANY_INPUTS,
    ),
    Method("guided-grad-cam:layer={layer}", references.guided_grad_cam, CAPTUM),
    Method(
        f"smoothgrad-squared:{SAMPLES}:sigma={SIGMA}",
        references.smoothgrad_squared,
        CAPTUM,
        inputs=MANY_INPUTS,
    ),
    Method(
        f"vargrad:{SAMPLES}:sigma={SIGMA}",
        references.vargrad,
        CAPTUM,
        inputs=MANY_INPUTS,
    ),
    Method("deeplift", references.deeplift_of_two, f"{PLAIN}, two baselines", BOTH),
    Method("lrp:rule=gamma:gamma=0.25", references.lrp_gamma, PLAIN),
    Method("lrp:rule=z-plus", references.lrp_plus, PLAIN),
    Method("lrp:rule=epsilon-plus", references.lrp_epsilon_plus, PLAIN),
    Method(
        f"lrp:rule=epsilon-gamma-box:low={bounds(LOW)}:high={bounds(HIGH)}",
        references.lrp_epsilon_gamma_box,
        PLAIN,
    ),
    Method(
        f"expected-gradients:{SAMPLES}",
        references.expected_gradients,
        PLAIN,
        "{folder}",
        inputs=MANY_INPUTS,
    ),
    Method(
        f"blur-ig:{BLUR_STEPS}:sigma={BLUR_SIGMA}:quadrature=left",
        references.blur_ig,
        PUBLISHED,
        inputs=MANY_INPUTS,
    ),
    Method(
        f"guided-ig:{GUIDED_STEPS}:fraction={GUIDED_FRACTION}:distance={GUIDED_DISTANCE}"
        ":quadrature=left",
        references.guided_ig,
        PUBLISHED,
        OTHER,
        inputs=MANY_INPUTS,
        is_chaotic=True,
    ),
    Method("fullgrad", references.fullgrad_sum, f"{PLAIN}, sums", compared=total),
)


@dataclass(frozen=True)
class Subject:
    """A file and inputs for it, float32."""

    name: str
    model: Path
    pictures: Tensor
    folder: Path
    """Holds other samples."""


def rows(ascribe: Ascribe, *, quick: bool) -> Iterator[Row]:
    """For each network the rows of the references, then those of the program's methods."""
    warnings.filterwarnings("ignore", module="captum")
    for name in QUICK if quick else (*SMALL, *LARGE):
        with tempfile.TemporaryDirectory() as folder:
            subject = prepared(name, Path(folder))
            exact = Peer.of(subject.model, subject.pictures[:1])
            rounded = exact.rounded(subject.model)
            yield from witnesses(subject, exact)
            for method in METHODS:
                try:
                    yield from compared(ascribe, method, subject, exact, rounded)
                except AscribeError as error:
                    yield Row.failed(method.name, subject.name, str(error))


def prepared(name: str, folder: Path) -> Subject:
    if name in SMALL:
        model, pictures = SMALL[name], networks.pictures(MANY_INPUTS, SMALL_SIZE)
    else:
        network, pictures = gradients.prepared(name, LARGE[name], MANY_INPUTS)
        if name == "vgg16":
            shrink(network)
        model = folder / "model.onnx"
        gradients.write(network, model, pictures[:1])
    samples = folder / "samples"
    samples.mkdir()
    for index, sample in enumerate(references.others(pictures.shape[-1]).numpy()):
        np.save(samples / f"{index}.npy", sample[None])
    return Subject(name, model, pictures, samples)


def shrink(network: nn.Module) -> None:
    """Fits a VGG to pictures of 64x64: without its pooling to 7x7, which cannot be exported then."""
    torch.manual_seed(0)
    network.avgpool = nn.Identity()
    network.classifier[0] = nn.Linear(512 * 2 * 2, 4096)


def attributed(
    ascribe: Ascribe, method: Method, subject: Subject, peer: Peer, precision: str, count: int
) -> list[NDArray]:
    pictures = subject.pictures[:count]
    arguments = method.arguments(peer, pictures.shape[-1], subject.folder)
    inputs = [picture[None] for picture in pictures.numpy()]
    maps = ascribe.attribute(subject.model, inputs, *arguments, "--precision", precision)
    return [method.compared(map_) for map_ in maps]


def compared(
    ascribe: Ascribe, method: Method, subject: Subject, exact: Peer, rounded: Peer
) -> Iterator[Row]:
    """A row for the first input in float64, and one for all in float32."""
    pictures = subject.pictures[: method.inputs].split(1)
    expected = [reference(method, exact, picture) for picture in pictures]
    (ours,) = attributed(ascribe, method, subject, exact, "float64", 1)
    measured = apart(ours, expected[0])
    yield Row(f"{method.name} float64", subject.name, measured, EXACT, f"from {method.source}")

    maps = attributed(ascribe, method, subject, exact, "float32", len(pictures))
    own = list(map(apart, maps, expected))
    peer = [
        apart(reference(method, rounded, picture), map_)
        for picture, map_ in zip(pictures, expected, strict=True)
    ]
    # Where a sign flips in about every second map, the median is chance; the mean is not.
    rows = [
        Row(
            f"{method.name} float32",
            f"{subject.name}, {label} of {len(pictures)}",
            figure(own),
            max(FLOOR, MEDIAN_FACTOR * figure(peer)),
            f"PyTorch float32: {figure(peer):.1e}",
        )
        for label, figure in (
            [("best", min)] if method.is_chaotic else [("median", median), ("mean", mean)]
        )
    ]
    yield next((row for row in rows if row.passed), rows[0])


def apart(actual: NDArray, expected: NDArray) -> float:
    """Their distance; none where both are zero, as Grad-CAM's may be."""
    return distance(actual, expected) if actual.any() or expected.any() else 0.0


def reference(method: Method, peer: Peer, picture: Tensor) -> NDArray:
    dtype = next(peer.modules.parameters()).dtype
    return method.reference(peer, picture.to(dtype)).detach().numpy()


def witnesses(subject: Subject, peer: Peer) -> Iterator[Row]:
    """The plain references beside captum."""
    x = subject.pictures[:1].double()
    start = references.baseline(x)
    edge, stride = references.windows(x.shape[-1])
    window, strides = (x.shape[1], edge, edge), (x.shape[1], stride, stride)
    network = Network(subject.model)
    with mended():
        deeplift = DeepLift(peer.modules).attribute(x, start, target=peer.target)
    occlusion = Occlusion(peer.modules).attribute(x, window, strides, target=peer.target)
    lrp = LRP(peer.modules).attribute(x, target=peer.target)
    for name, expected, actual, limit in (
        ("lrp", lrp, network.lrp(x, peer.target), CAPTUM_EXACT),
        ("deeplift", deeplift, network.deeplift(x, start, peer.target), CAPTUM_EXACT),
        ("occlusion", occlusion, references.occlusion(peer, x), CAPTUM_OCCLUSION),
    ):
        measured = distance(actual.detach().numpy(), expected.detach().numpy())
        yield Row(f"reference {name}", subject.name, measured, limit, "from captum")


@contextmanager
def mended() -> Iterator[None]:
    """Captum's DeepLift unpools by overwriting where windows share a maximum: here they add up.

    Its other fault, that a Relu just before a pooling reads a gradient that the pooling's rule has
    not replaced yet, is avoided by the copies that `ModuleNetwork` puts between modules.
    """

    def unpool(x: Tensor, indices: Tensor, *window: object) -> Tensor:
        size = window[-1]
        flat = x.new_zeros(size).flatten(2)
        return flat.scatter_add(2, indices.flatten(2), x.flatten(2)).reshape(size)

    original = functional.max_unpool2d
    functional.max_unpool2d = unpool
    try:
        yield
    finally:
        functional.max_unpool2d = original
