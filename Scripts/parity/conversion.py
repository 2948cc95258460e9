"""Stripped networks: whether other programs take the files, and whether the laws hold there.

A bias-free network of degree-1 pieces obeys F(0) = 0 and F(ax) = aF(x), and its X-gradient is its
Integrated Gradients. The figures are onnxruntime's of the file that strip-biases writes, and captum's
of a PyTorch network that computes this file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import gradients
import networks
import numpy as np
import onnx
import onnxruntime
import torch
from ascribe import Ascribe, AscribeError
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from onnx_network import OnnxNetwork
from report import Row
from torch import Tensor

NETWORKS = ("alexnet", "vgg16", "resnet50", "squeezenet1_1", "googlenet")
QUICK = ("alexnet", "squeezenet1_1")
FACTORS = (1e-3, 1e-2, 0.3, 7.0, 1e2, 1e3)
STEPS = 128
PICTURES = 4
LINEARITY = 1e-5
EULER = 1e-4
FLOAT32_DIFFERENCE = 2e-3
FLOAT64_DIFFERENCE = 1e-8


def rows(ascribe: Ascribe, *, quick: bool) -> Iterator[Row]:
    """The rows of each network."""
    for name in QUICK if quick else NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                yield from network_rows(ascribe, name, Path(folder))
            except (AscribeError, onnx.checker.ValidationError) as error:
                yield Row.failed("strip", name, str(error))


def network_rows(ascribe: Ascribe, name: str, folder: Path) -> Iterator[Row]:
    stripped, pictures = converted(ascribe, name, networks.FULL_SIZE, folder, PICTURES)
    onnx.checker.check_model(str(stripped), full_check=True)
    x = pictures[:1].numpy()
    session = onnxruntime.InferenceSession(stripped, providers=["CPUExecutionProvider"])

    def scores(x: NDArray) -> NDArray:
        return session.run(None, {"image": x})[0][0]

    at_x = scores(x)
    yield Row("strip F(0)", name, float(np.abs(scores(0 * x)).max()), 0, "onnxruntime")
    worst = max(mean_relative(scores(np.float32(a) * x), a * at_x) for a in FACTORS)
    yield Row("strip F(ax) - aF(x)", name, worst, LINEARITY, "onnxruntime, a from 1e-3 to 1e3")
    target = ("--target", str(gradients.TARGET), "--method", "xg")
    ours = ascribe.attribute(stripped, [x], *target)[0]
    score = float(at_x[gradients.TARGET])
    yield Row("xg sum - F(x)", name, abs(float(ours.sum()) - score) / abs(score), EULER)
    maps = ascribe.attribute(stripped, [picture[None] for picture in pictures.numpy()], *target)
    network = OnnxNetwork(stripped)
    differences = [
        mean_relative(ours, integrated(network, pictures[index : index + 1]))
        for index, ours in enumerate(maps)
    ]
    yield Row(
        "xg - captum IG float32", f"{name}, mean of {PICTURES}", float(np.mean(differences)),
        FLOAT32_DIFFERENCE, f"{STEPS} steps",
    )
    size = gradients.SMALL_SIZES.get(name, gradients.SMALL_SIZE)
    stripped, picture = converted(ascribe, name, size, folder, 1)
    ours = ascribe.attribute(stripped, [picture.numpy()], *target, "--precision", "float64")[0]
    theirs = integrated(OnnxNetwork(stripped).double(), picture.double())
    yield Row(
        "xg - captum IG float64", f"{name} {size}x{size}", mean_relative(ours, theirs),
        FLOAT64_DIFFERENCE, f"{STEPS} steps",
    )


def converted(
    ascribe: Ascribe, name: str, size: int, folder: Path, count: int
) -> tuple[Path, Tensor]:
    """The stripped export of a network whose biases are not zero, and pictures for it."""
    network, pictures = gradients.prepared(name, size, count)
    original, stripped = folder / f"{name}-{size}.onnx", folder / f"{name}-{size}-x.onnx"
    gradients.write(network, original, pictures[:1])
    ascribe.strip_biases(original, stripped)
    return stripped, pictures


def integrated(network: OnnxNetwork, picture: Tensor) -> NDArray:
    """Captum's Integrated Gradients from zero, with float64 weights of the steps in float64."""
    if picture.dtype == torch.float64:
        return gradients.exact_captum_map(network, picture, STEPS).numpy()
    return (
        IntegratedGradients(network)
        .attribute(
            picture,
            target=gradients.TARGET,
            n_steps=STEPS,
            method="gausslegendre",
            internal_batch_size=gradients.BATCH,
        )
        .detach()
        .numpy()
    )


def mean_relative(actual: NDArray, expected: NDArray) -> float:
    """The mean absolute difference over the mean absolute value."""
    return float(np.abs(actual - expected).mean() / np.abs(expected).mean())
