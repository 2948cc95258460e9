"""An ONNX file as a PyTorch network of modules, one for each node, as captum's hooks want them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from captum.attr._utils.custom_modules import Addition_Module
from onnx import NodeProto, helper, numpy_helper
from torch import Tensor, nn

Attributes = dict[str, object]


class ModuleNetwork(nn.Module):
    """A file's nodes in order. No module is used twice, and sums are modules of their own."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        self.input, self.output = graph.input[0].name, graph.output[0].name
        constants = {
            item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
            for item in graph.initializer
        }
        self.nodes: list[NodeProto] = []
        self.layers = nn.ModuleDict()
        for node in graph.node:
            if node.op_type == "Identity" and node.input[0] in constants:
                constants[node.output[0]] = constants[node.input[0]]
                continue
            self.nodes.append(node)
            if node.op_type not in RESHAPES:
                attributes = {
                    item.name: helper.get_attribute_value(item) for item in node.attribute
                }
                weights = [constants[name] for name in node.input if name in constants]
                self.layers[key(node.name)] = MODULES[node.op_type](attributes, weights)
        self.eval()

    def layer(self, output: str) -> nn.Module:
        """The module of the node that gives a value."""
        node = next(node for node in self.nodes if node.output[0] == output)
        return self.layers[key(node.name)]

    def forward(self, x: Tensor) -> Tensor:
        values = {self.input: x}
        for node in self.nodes:
            # Copies: hooks of two modules on one tensor would run in the wrong order.
            inputs = [values[name].clone() for name in node.input if name in values]
            if node.op_type in RESHAPES:
                values[node.output[0]] = RESHAPES[node.op_type](inputs[0])
            else:
                values[node.output[0]] = self.layers[key(node.name)](*inputs)
        return values[self.output]


def key(name: str) -> str:
    """A node's name as the name of a module, which knows no dots."""
    return name.replace(".", "_")


def convolution(attributes: Attributes, weights: list[Tensor]) -> nn.Module:
    kernel, *bias = weights
    groups = attributes.get("group", 1)
    module = nn.Conv2d(
        kernel.shape[1] * groups,
        kernel.shape[0],
        tuple(kernel.shape[2:]),
        tuple(attributes.get("strides", [1, 1])),
        symmetric(attributes),
        tuple(attributes.get("dilations", [1, 1])),
        groups,
        bias=bool(bias),
    )
    return with_values(module, weight=kernel, **({"bias": bias[0]} if bias else {}))


def linear(attributes: Attributes, weights: list[Tensor]) -> nn.Module:
    matrix, *bias = weights
    matrix = matrix if attributes.get("transB", 0) else matrix.T
    module = nn.Linear(matrix.shape[1], matrix.shape[0], bias=bool(bias))
    return with_values(module, weight=matrix, **({"bias": bias[0]} if bias else {}))


def batch_normalization(attributes: Attributes, weights: list[Tensor]) -> nn.Module:
    scale, bias, mean, variance = weights
    module = nn.BatchNorm2d(len(scale), eps=attributes.get("epsilon", 1e-5))
    return with_values(
        module, weight=scale, bias=bias, running_mean=mean, running_var=variance
    )


def max_pool(attributes: Attributes, _: list[Tensor]) -> nn.Module:
    return nn.MaxPool2d(
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", [1, 1])),
        symmetric(attributes),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def average_pool(attributes: Attributes, _: list[Tensor]) -> nn.Module:
    return nn.AvgPool2d(
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", [1, 1])),
        symmetric(attributes),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
        count_include_pad=bool(attributes.get("count_include_pad", 0)),
    )


def symmetric(attributes: Attributes) -> tuple[int, int]:
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        raise NotImplementedError("padding that differs between the sides")
    return top, left


def with_values(module: nn.Module, **values: Tensor) -> nn.Module:
    module.load_state_dict(values, strict=False)
    return module


MODULES: dict[str, Callable[[Attributes, list[Tensor]], nn.Module]] = {
    "Add": lambda *_: Addition_Module(),
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Conv": convolution,
    "Gemm": linear,
    "GlobalAveragePool": lambda *_: nn.AdaptiveAvgPool2d(1),
    "MatMul": linear,
    "MaxPool": max_pool,
    "Relu": lambda *_: nn.ReLU(),
}
RESHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "Flatten": lambda x: x.flatten(1),
    "Identity": lambda x: x,
    "Reshape": lambda x: x.flatten(1),
}
"""Functions: captum's LRP refuses such modules."""
