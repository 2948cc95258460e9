"""Trains three small networks twice, with and without biases, and writes all six.

    python models/train_pairs.py                  # about eight minutes on two cores
    python models/train_pairs.py --only resnet resnet-x --output DIR

Needs torch, onnx, onnxruntime, numpy and pillow. Trains two networks at a time, each on one thread,
and is seeded: on the same versions the same command gives the same models. The output folder
(default: `pairs` beside this script) receives NAME.onnx, NAME.preprocess.json and NAME.labels.txt
for each of

    alexnet   a large first kernel with stride, MaxPools, Dropout, three fully connected layers
    vgg       3x3 convolutions and MaxPools, two fully connected layers
    resnet    residual blocks of two 3x3 convolutions, a mean over positions, a Gemm

and of NAME-x, the same network trained from scratch without biases: Conv, MatMul, ReLU, pools and
sums only, so that F(a x) = a F(x) for every a >= 0.

The regular networks are trained with BatchNorm, which `resnet` keeps and which is folded into the
weights of the other two. The X networks are trained with what is left of BatchNorm without biases:
a layer's output is divided by its root mean square, and filters are kept at a mean of zero. Both
are linear in the input of the layer, and folded into its weights.

The table holds the accuracy on test pictures, and that of the regular network *stripped*: BatchNorm
folded, then every bias deleted. The script ends with an error if ONNX Runtime disagrees with
PyTorch, or if an X network is not homogeneous there.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from shapes import CLASSES, SERIES
from training import (
    THREADS,
    Recipe,
    accuracy,
    deterministic,
    drawn,
    export,
    normalized,
    parameters,
    trained,
)

Data = tuple[Tensor, Tensor]


class Scale(nn.Module):
    """BatchNorm without mean and shift: divides each channel by its root mean square."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_square", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        square = self.running_square
        if self.training:
            square = x.square().transpose(0, 1).flatten(1).mean(1)
            self.running_square.lerp_(square.detach(), 0.1)
        return x * self.factor(square).view(-1, *[1] * (x.dim() - 2))

    def factor(self, square: Tensor) -> Tensor:
        return self.weight * (square + 1e-6).rsqrt()


class Centred(nn.Module):
    """Filters of mean zero, which ignore a constant: no bias is there to take it off again."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight - weight.flatten(1).mean(1).view(-1, *[1] * (weight.dim() - 1))


class Normalized(nn.Sequential):
    """A layer followed by BatchNorm or, if it may have no bias, by `Scale`."""

    def __init__(self, layer: nn.Conv2d | nn.Linear, bias: bool) -> None:
        if not bias:
            parametrize.register_parametrization(layer, "weight", Centred())
            norm: nn.Module = Scale(len(layer.weight))
        elif isinstance(layer, nn.Conv2d):
            norm = nn.BatchNorm2d(len(layer.weight))
        else:
            norm = nn.BatchNorm1d(len(layer.weight))
        super().__init__(OrderedDict(layer=layer, norm=norm))

    @torch.no_grad()
    def folded(self) -> nn.Module:
        """One layer that does the same in evaluation."""
        layer, norm = self.layer, self.norm
        if not isinstance(norm, Scale):
            fuse = fuse_conv_bn_eval if isinstance(layer, nn.Conv2d) else fuse_linear_bn_eval
            return fuse(layer, norm)
        parametrize.remove_parametrizations(layer, "weight")
        factor = norm.factor(norm.running_square)
        layer.weight.mul_(factor.view(-1, *[1] * (layer.weight.dim() - 1)))
        return layer


def folded(network: nn.Module) -> nn.Module:
    """A copy whose normalizations are folded into the layers before them."""
    result = copy.deepcopy(network).eval()
    for parent in list(result.modules()):
        for name, child in parent.named_children():
            if isinstance(child, Normalized):
                setattr(parent, name, child.folded())
    return result


@torch.no_grad()
def stripped(network: nn.Module) -> nn.Module:
    """A folded copy without biases."""
    result = folded(network)
    for layer in result.modules():
        if getattr(layer, "bias", None) is not None:
            layer.bias.zero_()
    return result


def convolution(inputs: int, outputs: int, side: int, bias: bool, stride: int = 1) -> Normalized:
    layer = nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return Normalized(layer, bias)


def linear(inputs: int, outputs: int, bias: bool) -> Normalized:
    return Normalized(nn.Linear(inputs, outputs, bias=False), bias)


def alexnet(bias: bool) -> nn.Module:
    features = nn.Sequential(
        convolution(3, 32, 9, bias, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        convolution(32, 48, 5, bias),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        convolution(48, 64, 3, bias),
        nn.ReLU(),
        convolution(64, 64, 3, bias),
        nn.ReLU(),
        convolution(64, 48, 3, bias),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
    )
    classifier = nn.Sequential(
        nn.Dropout(0.2),
        linear(48 * 3 * 3, 128, bias),
        nn.ReLU(),
        nn.Dropout(0.2),
        linear(128, 96, bias),
        nn.ReLU(),
        nn.Linear(96, len(CLASSES), bias=bias),
    )
    return nn.Sequential(OrderedDict(features=features, classifier=classifier))


def vgg(bias: bool) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for widths in ((16,), (32,), (48, 48), (64, 64)):
        for width in widths:
            layers += [convolution(channels, width, 3, bias), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    classifier = nn.Sequential(
        linear(channels * 4 * 4, 96, bias), nn.ReLU(), nn.Linear(96, len(CLASSES), bias=bias)
    )
    features = nn.Sequential(*layers, nn.Flatten())
    return nn.Sequential(OrderedDict(features=features, classifier=classifier))


class Block(nn.Module):
    """Two convolutions beside a shortcut, which a 1x1 convolution makes fit."""

    def __init__(self, inputs: int, outputs: int, stride: int, bias: bool) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, 3, bias, stride)
        self.second = convolution(outputs, outputs, 3, bias)
        fits = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if fits else convolution(inputs, outputs, 1, bias, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(x))) + self.shortcut(x))


def resnet(bias: bool) -> nn.Module:
    layers: list[nn.Module] = [convolution(3, 16, 5, bias, stride=2), nn.ReLU()]
    channels = 16
    for width, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1)):
        layers.append(Block(channels, width, stride, bias))
        channels = width
    features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = nn.Linear(channels, len(CLASSES), bias=bias)
    return nn.Sequential(OrderedDict(features=features, classifier=classifier))


ARCHITECTURES = {
    "alexnet": (alexnet, Recipe(epochs=24, rate=0.1, recolour=False)),
    "vgg": (vgg, Recipe(epochs=24, rate=0.1, recolour=False)),
    "resnet": (resnet, Recipe(epochs=16, rate=0.2, recolour=False)),
}
NAMES = [name + suffix for name in ARCHITECTURES for suffix in ("", "-x")]


def check(path: Path, network: nn.Module, images: Tensor) -> None:
    """Refuses a file that differs from its network or, of an X network, is not homogeneous."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        logits = network(images).numpy()
    scales = [1.0]
    if path.stem.endswith("-x"):
        scales += [0.0, 0.3, 7.0]
        if any(len(tensor.dims) < 2 for tensor in model.graph.initializer):
            raise SystemExit(f"error: {path.name} holds a bias")
    for scale in scales:
        actual = session.run(["logits"], {"image": (images * scale).numpy()})[0]
        if np.linalg.norm(actual - logits * scale) > 1e-5 * np.linalg.norm(logits * scale):
            raise SystemExit(f"error: {path.name} is wrong at {scale} times its input")


def made(name: str, folder: Path, train: Data, test: Data) -> str:
    """Trains and writes a network; returns its row of the table."""
    deterministic(threads=1)
    started = time.monotonic()
    bias = not name.endswith("-x")
    architecture, recipe = ARCHITECTURES[name.removesuffix("-x")]
    network = trained(lambda: architecture(bias), *train, recipe, title=name)
    seconds = time.monotonic() - started

    final = network.eval() if name == "resnet" else folded(network)
    path = folder / f"{name}.onnx"
    export(final, path)
    check(path, final, normalized(test[0][:100]))
    bare = f"{accuracy(stripped(network), *test):.4f}" if bias else ""
    return (
        f"{name:9} {parameters(final):11,} {path.stat().st_size:10,}"
        f" {accuracy(final, *test):9.4f} {bare:>9} {seconds:8.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = Path(__file__).parent / "pairs"
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--train", type=int, default=4_000, help="training pictures")
    parser.add_argument("--test", type=int, default=2_000, help="test pictures, not shipped")
    options = parser.parse_args()

    options.output.mkdir(parents=True, exist_ok=True)
    print(f"drawing {options.train + options.test} pictures", flush=True)
    train, test = drawn(SERIES["train"], options.train), drawn(SERIES["test"], options.test)
    with ProcessPoolExecutor(THREADS) as pool:
        rows = pool.map(made, options.only, repeat(options.output), repeat(train), repeat(test))
        print("name       parameters      bytes  accuracy  stripped  seconds")
        for row in rows:
            print(row, flush=True)


if __name__ == "__main__":
    main()
