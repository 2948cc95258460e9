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
from pathlib import Path

from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shapes import CLASSES, SERIES, file_name, series
from training import Recipe, accuracy, deterministic, drawn, export, parameters, trained

STAGES = ((16,), (32, 32), (64, 64), (128, 128))


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


def write_pictures(folder: Path, count: int) -> None:
    """Writes held-out pictures and masks, by class, and their list."""
    pixels, masks, labels = series(SERIES["shipped"], count)
    rows = []
    for index, label in enumerate(labels):
        name = file_name(index)
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

    deterministic()
    write_pictures(options.output / "shapes", options.shipped)

    print(f"drawing {options.train + options.test} pictures", flush=True)
    recipe = Recipe(options.epochs, rate=0.2)
    network = trained(ShapesNet, *drawn(SERIES["train"], options.train), recipe)
    folded = network.folding_batch_norm()
    test = drawn(SERIES["test"], options.test)
    print(f"test accuracy {accuracy(folded, *test):.4f} on {options.test} pictures")
    path = options.output / "shapes.onnx"
    export(folded, path)
    print(f"{path.name}: {path.stat().st_size:,} bytes, {parameters(folded):,} parameters")


if __name__ == "__main__":
    main()
