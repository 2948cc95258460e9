"""Integrated Gradients in PyTorch: by captum, and by a loop written by hand."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from meter import Metered, metered
from programs import TorchSetting

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "models"))

import torchvision_import  # noqa: E402

torchvision_import.import_torchvision()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
TARGET = 0


def captum(
    folder: Path, name: str, steps: int, batch: int, *, again: bool
) -> list[Metered[Tensor]]:
    """captum with the given number of steps at once; one call, or two."""
    from captum.attr import IntegratedGradients

    network, picture = loaded(folder, name)
    method = IntegratedGradients(network)

    def call() -> Tensor:
        return method.attribute(
            picture,
            target=TARGET,
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=batch,
        )

    return [metered(call) for _ in range(1 + again)]


def loop(
    folder: Path, name: str, steps: int, setting: TorchSetting, *, again: bool
) -> tuple[list[Metered[Tensor]], float]:
    """The loop, one call or two, and the seconds of compiling and one batch, which come before its
    clock starts."""
    network, picture = loaded(folder, name)
    layout = LAYOUTS[setting.layout]
    scores: Callable[[Tensor], Tensor] = network.to(memory_format=layout)
    if setting.mode == "compiled":
        # Kept between processes; workers that compile would start beside the measured work.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "compiled")
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
        scores = torch.compile(scores, dynamic=False)
    start = time.monotonic()
    integrated_gradients(scores, picture, layout, setting.batch, setting.batch)
    warming = time.monotonic() - start

    def call() -> Tensor:
        return integrated_gradients(scores, picture, layout, steps, setting.batch)

    return [metered(call) for _ in range(1 + again)], warming


def integrated_gradients(
    scores: Callable[[Tensor], Tensor],
    picture: Tensor,
    layout: torch.memory_format,
    steps: int,
    batch: int,
) -> Tensor:
    """Gauss-Legendre steps from the zero baseline to the picture, [1, 3, height, width]."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alphas, shares = (
        torch.from_numpy(values / 2).float().view(-1, 1, 1, 1) for values in (nodes + 1, weights)
    )
    total = torch.zeros_like(picture)
    for alpha, share in zip(alphas.split(batch), shares.split(batch), strict=True):
        points = (alpha * picture).contiguous(memory_format=layout).requires_grad_()
        score = scores(points)[:, TARGET].sum()
        (gradient,) = torch.autograd.grad(score, points)
        total += (share * gradient).sum(0, keepdim=True)
    return picture * total


def loaded(folder: Path, name: str) -> tuple[nn.Module, Tensor]:
    """The network, whose parameters need no gradient, and the picture."""
    network = torch.load(folder / f"{name}.pt", weights_only=False)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network, torch.from_numpy(np.load(folder / "input.npy"))
