"""Exports torchvision's classifiers to ONNX.

    python models/export_torchvision.py --model resnet50 --output exports
    python models/export_torchvision.py --model all-families --exporter dynamo --output exports
    python models/export_torchvision.py --model resnet50 --weights --output exports   # downloads

Needs torch, torchvision, onnx and onnxscript. Each model is written as NAME.onnx (input `image`,
output `logits`), followed by a line with its size and opset.

Without --weights the weights are random but seeded, and made such that comparisons mean something:
torchvision's own initialisation gives many families outputs that hardly depend on the input.
Biases and BatchNorm's scales are drawn away from zero, and BatchNorm's statistics are taken from
two random batches, its variance bounded from below, which keeps rounding errors from growing with
the depth. The script checks that the outputs of two different inputs are far apart.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from torchvision_import import import_torchvision

FAMILIES = {
    "alexnet": ["alexnet"],
    "vgg": ["vgg16", "vgg11"],
    "resnet": ["resnet50", "resnet18"],
    "squeezenet": ["squeezenet1_1"],
    "googlenet": ["googlenet"],
    "inception": ["inception_v3"],
    "densenet": ["densenet121"],
    "mobilenet_v2": ["mobilenet_v2"],
    "mobilenet_v3": ["mobilenet_v3_small", "mobilenet_v3_large"],
    "shufflenet": ["shufflenet_v2_x1_0"],
    "efficientnet": ["efficientnet_b0"],
    "regnet": ["regnet_y_400mf", "regnet_x_400mf"],
    "mnasnet": ["mnasnet1_0"],
}
DEFAULT_SIZES = {"inception_v3": 299}
INPUT_TRANSFORMERS = {"googlenet", "inception_v3"}
DEFAULT_OPSETS = {"torchscript": 17, "dynamo": 18}
STATISTICS_BATCH = 8
SMALLEST_SPREAD = 0.03
SMALLEST_VARIANCE = 0.01


@dataclass(frozen=True)
class Export:
    """What to write: a model by torchvision's name, and how."""

    name: str
    size: int
    exporter: str
    opset: int
    batch: int | None
    weights: bool
    transform_input: bool
    seed: int


def built(export: Export) -> nn.Module:
    """The network with pretrained or random weights, in evaluation mode."""
    models = import_torchvision().models
    if export.weights:
        network = models.get_model(export.name, weights="DEFAULT")
    elif export.name in INPUT_TRANSFORMERS:
        network = models.get_model(export.name, init_weights=False, aux_logits=False)
    else:
        network = models.get_model(export.name)
    if export.name in INPUT_TRANSFORMERS:
        network.transform_input = export.transform_input
    if not export.weights:
        randomize(network, export.size, export.seed)
    return network.eval()


def random_images(count: int, size: int, generator: torch.Generator) -> Tensor:
    """[count, 3, size, size]: half of coarse structure, as pictures have, half white noise."""
    noise = torch.randn(count, 3, size, size, generator=generator)
    coarse = torch.randn(count // 2, 3, 5, 5, generator=generator)
    noise[: count // 2] *= 0.5
    noise[: count // 2] += interpolate(coarse, (size, size), mode="bilinear")
    return noise


def randomize(network: nn.Module, size: int, seed: int) -> None:
    """Draws all weights, then takes BatchNorm's statistics from two random batches."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.25, 0.75, generator=generator)
            module.bias.data.normal_(0, 0.5, generator=generator)
            module.momentum = None
    network.train()
    torch.manual_seed(seed)
    with torch.no_grad():
        for _ in range(2):
            network(random_images(STATISTICS_BATCH, size, generator))
    for module in network.eval().modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.clamp_(min=SMALLEST_VARIANCE)


@torch.no_grad()
def spread(network: nn.Module, size: int) -> float:
    """How far the outputs of two inputs are apart, relative to their size."""
    first, second = network(random_images(4, size, torch.Generator().manual_seed(0)))[:2]
    return ((first - second).norm() / first.norm()).item()


def write(export: Export, network: nn.Module, path: Path) -> None:
    """Exports the network as one file, in evaluation mode."""
    example = (torch.zeros(export.batch or 2, 3, export.size, export.size),)
    common = {
        "opset_version": export.opset,
        "input_names": ["image"],
        "output_names": ["logits"],
        "verbose": False,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if export.exporter == "torchscript":
            axes = {"image": {0: "batch"}, "logits": {0: "batch"}} if export.batch is None else None
            torch.onnx.export(network, example, path, dynamo=False, dynamic_axes=axes, **common)
            return
        shapes = ({0: torch.export.Dim("batch")},) if export.batch is None else None
        common["external_data"] = False
        torch.onnx.export(network, example, path, dynamo=True, dynamic_shapes=shapes, **common)


def run(export: Export, folder: Path) -> None:
    """Builds, checks, exports and reports one model."""
    network = built(export)
    distance = spread(network, export.size)
    if not export.weights and distance < SMALLEST_SPREAD:
        raise SystemExit(f"error: {export.name}: the outputs hardly depend on the input")
    path = folder / f"{export.name}.onnx"
    write(export, network, path)
    model = onnx.load(path)
    onnx.checker.check_model(path)
    print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, opset {model.opset_import[0].version},"
        f" {len(model.graph.node)} nodes, outputs of two inputs differ by {distance:.2f}",
        flush=True,
    )


def chosen(names: list[str]) -> list[str]:
    """Model names; `all-families` stands for one model of each family, `all` for all of them."""
    result: list[str] = []
    for name in names:
        if name == "all-families":
            result += [members[0] for members in FAMILIES.values()]
        elif name == "all":
            result += [member for members in FAMILIES.values() for member in members]
        else:
            result.append(name)
    return result


def batch_size(text: str) -> int | None:
    if text == "dynamic":
        return None
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(name for members in FAMILIES.values() for name in members)
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        help=f"`all-families`, `all`, or any of torchvision's classifiers, of which {known} are"
        " tried; may be repeated",
    )
    parser.add_argument("--exporter", choices=list(DEFAULT_OPSETS), default="torchscript")
    parser.add_argument("--opset", type=int, help="default: 17 (torchscript), 18 (dynamo)")
    parser.add_argument("--weights", action="store_true", help="download pretrained weights")
    parser.add_argument("--size", type=int, help="side of the picture (224; inception_v3: 299)")
    parser.add_argument("--batch", type=batch_size, default=None, metavar="dynamic|N")
    parser.add_argument(
        "--transform-input",
        action="store_true",
        help="googlenet, inception_v3: leave their change of normalisation in the graph",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    names = chosen(options.model)
    if unknown := set(names) - set(import_torchvision().models.list_models()):
        raise SystemExit(f"error: torchvision has no model {', '.join(sorted(unknown))}")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in names:
        export = Export(
            name=name,
            size=options.size or DEFAULT_SIZES.get(name, 224),
            exporter=options.exporter,
            opset=options.opset or DEFAULT_OPSETS[options.exporter],
            batch=options.batch,
            weights=options.weights,
            transform_input=options.transform_input,
            seed=options.seed,
        )
        run(export, options.output)


if __name__ == "__main__":
    main()
