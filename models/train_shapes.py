"""Trains the shapes classifier and writes all that is shipped of it.

    python models/train_shapes.py                 # about six minutes on two cores
    python models/train_shapes.py --output DIR --epochs 1 --train 2000

Needs torch, onnx, numpy and pillow. Seeded: on the same versions and number of threads the same
command gives the same model. The output folder (default: the one of this script) receives

    shapes.onnx              the classifier: image [N, 3, 64, 64] -> logits [N, 10], opset 17
    shapes.preprocess.json   from pixels to its input
    shapes.labels.txt        one label per line
    shapes/images/LABEL/NNN.png, shapes/masks/LABEL/NNN.png, shapes/labels.csv
                             held-out pictures, the masks of their shapes, and `file,label`

The network is a small VGG, trained with BatchNorm, which is folded into the convolutions before
the export: what is left is Conv with bias, ReLU, MaxPool, a mean over positions and a Gemm.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shapes import CLASSES, SIDE, draw, series

TRAIN_SEED, TEST_SEED, SHIPPED_SEED = 1, 2, 3
MEAN, DEVIATION = 0.5, 0.25
STAGES = ((16,), (32, 32), (64, 64), (128, 128))
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


class ShapesNet(nn.Module):
    """Convolutions of 3x3 in stages, a MaxPool after each but the last, then mean and Gemm."""

    def __init__(self, folded: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage, widths in enumerate(STAGES):
            if stage > 0:
                layers.append(nn.MaxPool2d(2))
            for width in widths:
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if not folded:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU())
                channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, len(CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        return self.classifier(self.pool(self.features(image)).flatten(1))

    def folding_batch_norm(self) -> ShapesNet:
        """The same function without BatchNorm, for evaluation."""
        layers: list[nn.Module] = []
        for layer in self.eval().features:
            if isinstance(layer, nn.BatchNorm2d):
                layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
            else:
                layers.append(layer)
        result = ShapesNet(folded=True).eval()
        result.features = nn.Sequential(*layers)
        result.classifier = self.classifier
        return result


def normalized(pixels: Tensor) -> Tensor:
    """From uint8 [N, 64, 64, 3] to the network's input, float32 [N, 3, 64, 64]."""
    return ((pixels.permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION).contiguous()


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turns, mirrors and recolours a batch: no class of shapes is changed by that."""
    turns = torch.randint(4, (1,), generator=generator).item()
    mirrored = torch.rand(1, generator=generator).item() < 0.5
    images = torch.rot90(images, turns, (2, 3))
    images = images.flip(3) if mirrored else images
    images = images[:, torch.randperm(3, generator=generator)]
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


def trained(pixels: Tensor, labels: Tensor, epochs: int, batch: int = 64) -> ShapesNet:
    """Trains with SGD, a one-cycle learning rate and label smoothing."""
    torch.manual_seed(TRAIN_SEED)
    generator = torch.Generator().manual_seed(TRAIN_SEED)
    network = ShapesNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    steps = len(pixels) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=epochs * steps)
    for epoch in range(epochs):
        started, total = time.monotonic(), 0.0
        network.train()
        for rows in torch.randperm(len(pixels), generator=generator)[: steps * batch].split(batch):
            images = augmented(normalized(pixels[rows]), generator)
            logits = network(images.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(logits, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.monotonic() - started
        print(f"epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, {seconds:.0f} s", flush=True)
    return network.to(memory_format=torch.contiguous_format)


@torch.no_grad()
def accuracy(network: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    network.eval()
    guesses = [network(normalized(part)).argmax(1) for part in pixels.split(250)]
    return (torch.cat(guesses) == labels).float().mean().item()


def export(network: ShapesNet, path: Path) -> None:
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


def write_companions(folder: Path) -> None:
    """Writes the preprocessing and the labels beside the model."""
    text = json.dumps(PREPROCESS, indent=2) + "\n"
    (folder / "shapes.preprocess.json").write_text(text)
    (folder / "shapes.labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))


def write_pictures(folder: Path, count: int) -> None:
    """Writes held-out pictures and masks, by class, and their list."""
    pixels, masks, labels = series(SHIPPED_SEED, count)
    rows = []
    for index, label in enumerate(labels):
        name = f"{CLASSES[label]}/{index // len(CLASSES):03d}.png"
        for kind, array in (("images", pixels[index]), ("masks", masks[index])):
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path, optimize=True)
        rows.append((f"images/{name}", CLASSES[label]))
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "label"))
        writer.writerows(sorted(rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR")
    parser.add_argument("--train", type=int, default=24_000, help="training pictures")
    parser.add_argument("--test", type=int, default=2_000, help="test pictures, not shipped")
    parser.add_argument("--shipped", type=int, default=200, help="held-out pictures to write")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()

    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    options.output.mkdir(parents=True, exist_ok=True)
    write_companions(options.output)
    write_pictures(options.output / "shapes", options.shipped)

    print(f"drawing {options.train + options.test} pictures", flush=True)
    network = trained(*drawn(TRAIN_SEED, options.train), options.epochs)
    folded = network.folding_batch_norm()
    test = drawn(TEST_SEED, options.test)
    print(f"test accuracy {accuracy(folded, *test):.4f} on {options.test} pictures")
    export(folded, options.output / "shapes.onnx")
    size = (options.output / "shapes.onnx").stat().st_size
    parameters = sum(p.numel() for p in folded.parameters())
    print(f"shapes.onnx: {size:,} bytes, {parameters:,} parameters")


if __name__ == "__main__":
    main()
