"""What the training scripts share: data, augmentation, the training loop, the files of a model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from shapes import CLASSES, SERIES, SIDE, draw

MEAN, DEVIATION = 0.5, 0.25
THREADS = 2

PREPROCESS = {
    "resize": {"shortSide": SIDE},
    "crop": {"width": SIDE, "height": SIDE},
    "channels": "RGB",
    "scale": 1 / 255,
    "mean": [MEAN] * 3,
    "std": [DEVIATION] * 3,
    "layout": "NCHW",
}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD, a one-cycle learning rate, label smoothing."""

    epochs: int
    rate: float  # the peak of the learning rate
    batch: int = 64
    decay: float = 5e-4
    recolour: bool = True


def deterministic(threads: int = THREADS) -> None:
    """Makes the same command give the same weights."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def normalized(pixels: Tensor) -> Tensor:
    """From uint8 [N, 64, 64, 3] to the network's input, float32 [N, 3, 64, 64]."""
    return ((pixels.permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION).contiguous()


def turned(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turns and mirrors a batch and swaps its colours: no class of shapes is changed by that."""
    turns = torch.randint(4, (1,), generator=generator).item()
    mirrored = torch.rand(1, generator=generator).item() < 0.5
    images = torch.rot90(images, turns, (2, 3))
    images = images.flip(3) if mirrored else images
    return images[:, torch.randperm(3, generator=generator)]


def recoloured(images: Tensor, generator: torch.Generator) -> Tensor:
    """Changes contrast and colour of each picture, may make it a negative, and adds noise."""
    count = len(images)
    contrast = torch.empty(count, 1, 1, 1).uniform_(0.6, 1.25, generator=generator)
    offset = torch.empty(count, 3, 1, 1).uniform_(-0.4, 0.4, generator=generator)
    sign = torch.randint(2, (count, 1, 1, 1), generator=generator) * 2 - 1
    noise = torch.randn(images.shape, generator=generator) * 0.1
    return images * contrast * sign + offset + noise


def _chunk(arguments: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    seed, start, stop = arguments
    pictures = [draw(seed, index) for index in range(start, stop)]
    return np.stack([p.pixels for p in pictures]), np.array([p.label for p in pictures])


def drawn(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Draws a series in parallel: pixels uint8 [N, 64, 64, 3] and labels [N]."""
    edges = list(range(0, count, 500)) + [count]
    jobs = [(seed, start, stop) for start, stop in zip(edges, edges[1:])]
    with ProcessPoolExecutor(THREADS) as pool:
        pixels, labels = zip(*pool.map(_chunk, jobs))
    return torch.from_numpy(np.concatenate(pixels)), torch.from_numpy(np.concatenate(labels))


def trained(
    build: Callable[[], nn.Module],
    pixels: Tensor,
    labels: Tensor,
    recipe: Recipe,
    title: str = "epoch",
) -> nn.Module:
    """Builds a network and trains it, both seeded; the title starts the line of each epoch."""
    seed, batch = SERIES["train"], recipe.batch
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = build().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.rate, momentum=0.9, weight_decay=recipe.decay, nesterov=True
    )
    steps = len(pixels) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.epochs * steps
    )
    for epoch in range(recipe.epochs):
        started, total = time.monotonic(), 0.0
        network.train()
        for rows in torch.randperm(len(pixels), generator=generator)[: steps * batch].split(batch):
            images = turned(normalized(pixels[rows]), generator)
            images = recoloured(images, generator) if recipe.recolour else images
            logits = network(images.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(logits, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds, mean = time.monotonic() - started, total / steps
        progress = f"{title} {epoch + 1}/{recipe.epochs}"
        print(f"{progress}: loss {mean:.4f}, {seconds:.0f} s", flush=True)
    return network.to(memory_format=torch.contiguous_format)


@torch.no_grad()
def accuracy(network: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    network.eval()
    guesses = [network(normalized(part)).argmax(1) for part in pixels.split(250)]
    return (torch.cat(guesses) == labels).float().mean().item()


def export(network: nn.Module, path: Path) -> None:
    """Writes a network as it stands, BatchNorm included, with what belongs beside it."""
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(path),
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        opset_version=17,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    path.with_suffix(".preprocess.json").write_text(json.dumps(PREPROCESS, indent=2) + "\n")
    path.with_suffix(".labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
