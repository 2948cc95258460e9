"""Measures bias-free models beside those that they come from: docs/x-dnn.md and docs/contrast.png.

    python Scripts/xdnn.py                         # the trained pairs of models/pairs

For each architecture of models/pairs: the regular network; the X network, trained from scratch
without biases; the regular one stripped of its biases; and the stripped one with weights fitted to
pictures without labels, by absorption and by reconstruction. The pictures are drawn anew by
models/shapes.py: a series to fit to and another to judge by, neither used in training.

All figures are those that `ascribe strip-biases` and `ascribe attribute` print as JSON, but for the
accuracies under contrast, which onnxruntime gives.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "models"))
from shapes import SERIES, series  # noqa: E402

PAIRS = ROOT / "models/pairs"
ARCHITECTURES = {"alexnet": "AlexNet", "vgg": "VGG", "resnet": "ResNet"}
FITTED = 1000
JUDGED = 1000
COMPARED = 64
ALPHAS = [round(0.1 * step, 1) for step in range(10, 0, -1)]

PAPER_ACCURACY = {
    "alexnet": (79.21, 78.54),
    "vgg": (90.44, 90.25),
    "resnet": (92.56, 91.12),
}
"""Top-5 on ImageNet, regular and X."""
PAPER_DIFFERENCE = {"alexnet": (79.0, 1.2), "vgg": (97.8, 0.4), "resnet": (93.8, 0.0)}
"""Mean absolute relative difference of XG and IG in per cent, regular and X."""

Report = dict[str, object]


@dataclass(frozen=True)
class Ascribe:
    """The program, whose reports are JSON."""

    program: Path

    def report(self, *arguments: str | Path) -> object:
        command = [str(self.program), *map(str, arguments), "--json", "--quiet"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@dataclass(frozen=True)
class Family:
    """One architecture: what the conversions reported, and its models for the contrast figure."""

    name: str
    stripping: Report
    trained: Report
    models: dict[str, Path]

    def variant(self, name: str) -> Report:
        """The original, stripped, absorption or reconstruction; `x` is trained from scratch."""
        report, name = (self.trained, "original") if name == "x" else (self.stripping, name)
        return next(item for item in report["measured"]["variants"] if item["name"] == name)

    @property
    def best(self) -> str:
        return self.stripping["calibration"]["method"]

    def accuracy(self, name: str) -> float:
        return self.variant(name)["accuracy"]["top1"]

    def difference(self, name: str) -> float | None:
        found = self.variant(name)["difference"]
        return None if found is None else 100 * found["perBatch"]


def measured(ascribe: Ascribe, name: str, folder: Path) -> Family:
    """Converts the regular network and looks at the X network, which has nothing to strip."""
    fitted, judged = folder / "fitted", folder / "judged"
    stripped, converted = folder / f"{name}-stripped.onnx", folder / f"{name}-converted.onnx"
    data = ("--data", judged, "--compare-maps", COMPARED)
    regular, trained = PAIRS / f"{name}.onnx", PAIRS / f"{name}-x.onnx"
    ascribe.report("strip-biases", regular, "--output", stripped)
    return Family(
        name=name,
        stripping=ascribe.report(
            "strip-biases", regular, "--output", converted, "--absorb", fitted, *data
        ),
        trained=ascribe.report("strip-biases", trained, "--output", folder / "x.onnx", *data),
        models={
            "regular": regular,
            "X, trained without biases": trained,
            "stripped": stripped,
            "stripped and fitted": converted,
        },
    )


def accuracy_table(families: list[Family]) -> Iterator[str]:
    yield (
        "| network | regular | X, trained | stripped | absorption | reconstruction | kept "
        "| paper: regular | paper: X |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for family in families:
        columns = ("original", "x", "stripped", "absorption", "reconstruction")
        shares = [f"{100 * family.accuracy(column):.1f}" for column in columns]
        kept = 100 * family.accuracy(family.best) / family.accuracy("original")
        paper = [f"{value:.2f}" for value in PAPER_ACCURACY[family.name]]
        yield row([ARCHITECTURES[family.name], *shares, f"{kept:.1f} %", *paper])


def difference_table(families: list[Family]) -> Iterator[str]:
    yield "| network | regular | X, trained | stripped and fitted | paper: regular | paper: X |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for family in families:
        columns = ("original", "x", family.best)
        paper = [f"{value:.1f}" for value in PAPER_DIFFERENCE[family.name]]
        values = [family.difference(column) for column in columns]
        shares = [f"{value:.0f}" if value > 10 else f"{value:.2g}" for value in values]
        yield row([ARCHITECTURES[family.name], *shares, *paper])


def passes_table(ascribe: Ascribe, family: Family, picture: Path, folder: Path) -> Iterator[str]:
    model = family.models["stripped and fitted"]
    yield "| method | forward passes | backward passes | milliseconds |"
    yield "| --- | --- | --- | --- |"
    preprocess = ("--preprocess", PAIRS / f"{family.name}.preprocess.json")
    common = ("--format", "json", "--output", folder / "maps", *preprocess)
    for method in ("ig", "xg"):
        # The first picture pays for the plan of the network.
        pictures = [folder / f"{number}.png" for number in range(21)]
        for path in pictures:
            path.write_bytes(picture.read_bytes())
        reports = ascribe.report(
            "attribute", model, *pictures, "--method", method, *common
        )
        passes = reports[-1]["passes"]
        seconds = np.median([report["seconds"] for report in reports[1:]])
        yield row([method, str(passes["forward"]), str(passes["backward"]), f"{1e3 * seconds:.2f}"])


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def contrasts(families: list[Family], path: Path) -> None:
    """Accuracy over the factor that the normalised input is multiplied by."""
    pixels, _, labels = series(SERIES["test"], JUDGED)
    inputs = ((pixels.astype(np.float32) / 255 - 0.5) / 0.25).transpose(0, 3, 1, 2)
    figure, axes = pyplot.subplots(1, len(families), figsize=(10, 3.2), sharey=True)
    for axis, family in zip(axes, families, strict=True):
        for name, model in family.models.items():
            shares = [accuracy(model, alpha * inputs, labels) for alpha in ALPHAS]
            # Drawn last, dashed and thick: it lies on that of the fitted network.
            style = {"linestyle": ":", "linewidth": 3, "zorder": 3} if name.startswith("X") else {}
            axis.plot(ALPHAS, shares, marker=".", label=name, **style)
        axis.set_title(ARCHITECTURES[family.name])
        axis.set_xlabel("contrast α")
        axis.grid(alpha=0.3)
        axis.set_ylim(0, 1.02)
    axes[0].set_ylabel("accuracy")
    axes[0].legend(fontsize=7, loc="center right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def accuracy(model: Path, inputs: NDArray, labels: NDArray) -> float:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (scores,) = session.run(["logits"], {"image": inputs.astype(np.float32)})
    return float((scores.argmax(1) == labels).mean())


def document(ascribe: Ascribe, families: list[Family], picture: Path, folder: Path) -> str:
    return f"""# Bias-free models in miniature

Written by `Scripts/xdnn.py`. Three small networks on drawn shapes (models/README.md), each trained with
biases (*regular*) and from scratch without (*X*); the regular ones *stripped* of their biases by
`ascribe strip-biases`, and fitted by `--absorb` to {FITTED} pictures without labels, by *absorption* and by
*reconstruction*. Beside them what Hesse, Schaub-Meyer and Roth report of the large networks on ImageNet
(NeurIPS 2021, arXiv 2111.07668).

## Accuracy

Top-1 in per cent on {JUDGED} pictures that nothing was fitted to. *Kept* is the share of the regular
accuracy that the better conversion keeps, chosen by its agreement with the regular network. The paper's
figures are top-5 on ImageNet, where X is trained from scratch.

{chr(10).join(accuracy_table(families))}

## The X-gradient beside Integrated Gradients

Mean absolute relative difference in per cent, batches of 16, {COMPARED} pictures, 128 Gauss-Legendre steps,
zero baseline, the label's logit. For the regular networks it is input times gradient that is compared.

{chr(10).join(difference_table(families))}

## Cost

One explanation of {ARCHITECTURES[families[-1].name]}, stripped and fitted, median of twenty:

{chr(10).join(passes_table(ascribe, families[-1], picture, folder))}

## Contrast

Accuracy when the normalised input is multiplied by α. A bias-free network scales its scores with its
input, so contrast does not change what it says.

![Accuracy over contrast for the three architectures](contrast.png)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ascribe", type=Path, default=ROOT / ".build/release/ascribe")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", metavar="DIR")
    options = parser.parse_args()
    ascribe = Ascribe(options.ascribe)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for target, kind, count in (
            ("fitted", "calibration", FITTED),
            ("judged", "test", JUDGED),
        ):
            command = [ROOT / "models/shapes.py", folder / target, "--series", kind]
            subprocess.run(
                [sys.executable, *command, "--count", str(count)], check=True, capture_output=True
            )
        families = [measured(ascribe, name, folder) for name in ARCHITECTURES]
        picture = ROOT / "models/shapes/images/star/000.png"
        text = document(ascribe, families, picture, folder)
        contrasts(families, options.output / "contrast.png")
    (options.output / "x-dnn.md").write_text(text)


if __name__ == "__main__":
    main()
