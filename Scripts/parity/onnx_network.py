"""An ONNX file as a PyTorch module, for the operators that stripped classifiers consist of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from onnx import NodeProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

Attributes = dict[str, object]


class OnnxNetwork(nn.Module):
    """Computes the first output of a file from its first input, with the file's own weights."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        self.nodes = list(graph.node)
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.constants = {
            item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
            for item in graph.initializer
        }

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> OnnxNetwork:
        super()._apply(fn, recurse)
        self.constants = {name: fn(tensor) for name, tensor in self.constants.items()}
        return self

    def forward(self, x: Tensor) -> Tensor:
        values = {**self.constants, self.input: x}
        for node in self.nodes:
            inputs = [values[name] for name in node.input if name]
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            values[node.output[0]] = OPERATORS[node.op_type](inputs, attributes)
        return values[self.output]


def unsupported(path: Path) -> list[NodeProto]:
    """The nodes of a file that `OnnxNetwork` cannot compute."""
    return [node for node in onnx.load(path).graph.node if node.op_type not in OPERATORS]


def padded(x: Tensor, attributes: Attributes, value: float) -> Tensor:
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    return functional.pad(x, (left, right, top, bottom), value=value)


def convolution(inputs: list[Tensor], attributes: Attributes) -> Tensor:
    x, weights, *bias = inputs
    return functional.conv2d(
        padded(x, attributes, 0),
        weights,
        bias[0] if bias else None,
        attributes.get("strides", [1, 1]),
        0,
        attributes.get("dilations", [1, 1]),
        attributes.get("group", 1),
    )


def max_pool(inputs: list[Tensor], attributes: Attributes) -> Tensor:
    return functional.max_pool2d(
        padded(inputs[0], attributes, -torch.inf),
        attributes["kernel_shape"],
        attributes.get("strides", [1, 1]),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def average_pool(inputs: list[Tensor], attributes: Attributes) -> Tensor:
    if any(attributes.get("pads", [0])) and not attributes.get("count_include_pad", 0):
        raise NotImplementedError("AveragePool that leaves out its padding")
    return functional.avg_pool2d(
        padded(inputs[0], attributes, 0),
        attributes["kernel_shape"],
        attributes.get("strides", [1, 1]),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def gemm(inputs: list[Tensor], attributes: Attributes) -> Tensor:
    a, b, *c = inputs
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product + attributes.get("beta", 1.0) * c[0] if c else product


def batch_normalization(inputs: list[Tensor], attributes: Attributes) -> Tensor:
    x, scale, bias, mean, variance = inputs
    epsilon = attributes.get("epsilon", 1e-5)
    return functional.batch_norm(x, mean, variance, scale, bias, training=False, eps=epsilon)


OPERATORS: dict[str, Callable[[list[Tensor], Attributes], Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Concat": lambda inputs, attributes: torch.cat(inputs, attributes["axis"]),
    "Constant": lambda _, attributes: torch.tensor(numpy_helper.to_array(attributes["value"])),
    "Conv": convolution,
    "Flatten": lambda inputs, attributes: inputs[0].flatten(attributes.get("axis", 1)),
    "Gemm": gemm,
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean((2, 3), keepdim=True),
    "Identity": lambda inputs, _: inputs[0],
    "MatMul": lambda inputs, _: inputs[0] @ inputs[1],
    "MaxPool": max_pool,
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Relu": lambda inputs, _: functional.relu(inputs[0]),
}
