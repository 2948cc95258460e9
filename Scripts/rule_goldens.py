"""Writes Tests/Golden/rules: two small networks and what captum's methods with replaced rules make of
them in float64.

    python Scripts/rule_goldens.py

- chain: convolutions, overlapping and plain pooling, Relu and Tanh. Everything but LRP's gamma and z-plus.
- bare: convolutions without biases on an input without negative elements, where captum's GammaRule and
  Alpha1_Beta0_Rule are what the papers say.
- smooth: the activation functions that captum's DeepLIFT knows.

A captum hook that changes the gradient at a module's input comes too late for the module before it if
that has hooks on the same tensor: between Relu and MaxPool, DeepLIFT's rule for the latter would be
lost. So each module is given a copy. captum also drops relevance where windows of a MaxPool overlap and share a maximum (it scatters with
max_unpool2d); DeepLIFT is run with a scatter that adds. Baselines are random, since equal elements leave
it to rounding which of them is the largest.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from unittest import mock

import captum
import numpy as np
import torch
from captum.attr import (
    LRP,
    DeepLift,
    DeepLiftShap,
    Deconvolution,
    GuidedBackprop,
)
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "Golden" / "rules"


class Sequence(nn.Sequential):
    """Modules that share no tensors."""

    def forward(self, x: Tensor) -> Tensor:
        for module in self:
            x = module(x.clone())
        return x


class Flattened(nn.Module):
    """Features, flattened without a module, which captum's LRP would refuse, and a classifier."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


def chain() -> nn.Module:
    features = Sequence(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(6, 8, 3, padding=1, groups=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 8, 2),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
    return Flattened(features, Sequence(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 5)))


def bare() -> nn.Module:
    features = Sequence(
        nn.Conv2d(3, 6, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, bias=False),
        nn.ReLU(),
    )
    classifier = Sequence(
        nn.Linear(32, 9, bias=False), nn.ReLU(), nn.Linear(9, 5, bias=False)
    )
    return Flattened(features, classifier)


def smooth() -> nn.Module:
    return Sequence(
        nn.Linear(12, 16),
        nn.ELU(),
        nn.Linear(16, 14),
        nn.Sigmoid(),
        nn.Linear(14, 12),
        nn.Softplus(),
        nn.Linear(12, 10),
        nn.LeakyReLU(0.125),
        nn.Linear(10, 8),
        nn.Tanh(),
        nn.Linear(8, 5),
    )


def adding_unpool(
    values: Tensor, indices: Tensor, *_: object, output_size: list[int] | None = None
) -> Tensor:
    """max_unpool2d, but adding where windows share a maximum."""
    size = output_size or _[-1]
    result = torch.zeros(*size, dtype=values.dtype).flatten(2)
    return result.scatter_add(2, indices.flatten(2), values.flatten(2)).reshape(size)


def deep_lift(network: nn.Module, x: Tensor, baselines: Tensor, target: int) -> Tensor:
    method = DeepLift(network) if len(baselines) == 1 else DeepLiftShap(network)
    with mock.patch("torch.nn.functional.max_unpool2d", adding_unpool):
        return method.attribute(x, baselines, target=target)


def relevance(network: nn.Module, x: Tensor, target: int, rule: type, *settings: float) -> Tensor:
    """captum's LRP with one rule for all layers with weights."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.rule = rule(*settings)
        elif isinstance(module, nn.AvgPool2d | nn.MaxPool2d) and rule is EpsilonRule:
            module.rule = rule(*settings)
    return LRP(network).attribute(x, target=target)


def export(network: nn.Module, x: Tensor, path: Path) -> None:
    torch.onnx.export(
        network.float(),
        (x.float(),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    network.double()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    entries = []
    for build, shape in [(chain, (3, 16, 16)), (bare, (3, 11, 11)), (smooth, (12,))]:
        name = build.__name__
        generator = torch.Generator().manual_seed(len(name))
        network = build().eval()
        for parameter in network.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 8
            parameter.data.normal_(0, (2 / fan) ** 0.5, generator=generator)
        x = torch.randn(1, *shape, generator=generator)
        x = x.abs() if name == "bare" else x
        baselines = torch.randn(2, *shape, generator=generator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export(network, x, FOLDER / f"{name}.onnx")
            maps = references(name, network, x.double(), baselines.double())
        np.save(FOLDER / f"{name}.input.npy", x.numpy())
        np.save(FOLDER / f"{name}.baselines.npy", baselines.numpy())
        with torch.no_grad():
            target = int(network(x.double()).argmax())
        cases = []
        for index, (method, count, values) in enumerate(maps):
            np.save(FOLDER / f"{name}.{index}.npy", values.detach().numpy())
            cases.append({"method": method, "baselines": count, "map": f"{name}.{index}.npy"})
        entries.append({"name": name, "target": target, "cases": cases})
    index = {"captum": captum.__version__, "torch": torch.__version__, "networks": entries}
    (FOLDER / "rules.json").write_text(json.dumps(index, indent=2) + "\n")


def references(
    name: str, network: nn.Module, x: Tensor, baselines: Tensor
) -> list[tuple[str, int, Tensor]]:
    """Methods as the program names them, how many baselines they take, and captum's maps."""
    with torch.no_grad():
        target = int(network(x).argmax())
    maps = [
        ("deeplift", 1, deep_lift(network, x, baselines[:1], target)),
        ("deeplift", 2, deep_lift(network, x, baselines, target)),
    ]
    if name == "smooth":
        return maps
    maps += [
        ("guided-backprop", 0, GuidedBackprop(network).attribute(x, target=target)),
        ("deconvnet", 0, Deconvolution(network).attribute(x, target=target)),
    ]
    for epsilon in (1e-9, 0.25):
        values = relevance(network, x, target, EpsilonRule, epsilon)
        maps.append((f"lrp:rule=epsilon:epsilon={epsilon}", 0, values))
    if name == "bare":
        maps.append(("lrp:rule=gamma", 0, relevance(network, x, target, GammaRule)))
        values = relevance(network, x, target, GammaRule, 2)
        maps.append(("lrp:rule=gamma:gamma=2", 0, values))
        maps.append(("lrp:rule=z-plus", 0, relevance(network, x, target, Alpha1_Beta0_Rule)))
    return maps


if __name__ == "__main__":
    main()
