"""LRP and DeepLIFT on ONNX graphs in the plainest form: what the program is held to
where captum fails, as over skip connections.

Every rule walks the nodes backwards. W^T s, the transposed linear map of a node, is taken as the
vector-Jacobian product of that node alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import torch
from onnx import NodeProto, helper, numpy_helper
from onnx_network import OPERATORS
from torch import Tensor

LINEAR = {"Add", "AveragePool", "BatchNormalization", "Conv", "Gemm", "GlobalAveragePool", "MatMul"}
MOVING = {"Concat", "Flatten", "Identity", "Reshape"}
ELEMENTWISE = {"Relu"}
POOLING = {"MaxPool"}
SMALLEST_DIFFERENCE = 1e-10
"""Below it DeepLIFT takes the gradient, as captum does."""

Operation = Callable[..., Tensor]


@dataclass(frozen=True)
class Layer:
    """A node: its variable inputs and its constant ones."""

    kind: str
    sources: list[str]
    output: str
    constants: list[Tensor]
    attributes: dict[str, object]

    def __call__(self, *inputs: Tensor, constants: list[Tensor] | None = None) -> Tensor:
        constants = self.constants if constants is None else constants
        if self.kind == "Reshape":
            return inputs[0].flatten(1)
        return OPERATORS[self.kind]([*inputs, *constants], self.attributes)

    def converted(self, dtype: torch.dtype) -> Layer:
        constants = [c.to(dtype) if c.is_floating_point() else c for c in self.constants]
        return replace(self, constants=constants)

    @property
    def has_weights(self) -> bool:
        return self.kind in ("Conv", "Gemm", "MatMul")


def transposed(operation: Operation, inputs: list[Tensor], s: Tensor) -> list[Tensor]:
    """W^T s for each input; the choice of the largest, for pooling."""
    inputs = [value.detach().requires_grad_() for value in inputs]
    return list(torch.autograd.grad(operation(*inputs), inputs, s))


def stabilized(z: Tensor, epsilon: float) -> Tensor:
    return z + torch.where(z < 0, -epsilon, epsilon)


@dataclass(frozen=True)
class Epsilon:
    """a * W^T (R / (z + epsilon sgn z)), with z the output, its bias included."""

    epsilon: float = 1e-9

    def __call__(self, layer: Layer, inputs: list[Tensor], relevance: Tensor) -> list[Tensor]:
        s = relevance / stabilized(layer(*inputs), self.epsilon)
        return [a * g for a, g in zip(inputs, transposed(layer, inputs, s), strict=True)]


Part = tuple[Tensor, list[Tensor]]
"""An input and the constants that it meets: a term of a rule's denominator."""


def through(layer: Layer, parts: list[Part], relevance: Tensor, epsilon: float) -> Tensor:
    """Relevance divided over the sum of the parts' outputs."""
    outputs = [layer(a, constants=constants) for a, constants in parts]
    s = relevance / stabilized(sum(outputs), epsilon)
    return sum(
        a * transposed(lambda a, c=constants: layer(a, constants=c), [a], s)[0]
        for a, constants in parts
    )


def signs(layer: Layer, inputs: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
    (a,) = inputs
    return a.clamp(min=0), a.clamp(max=0), layer.constants


@dataclass(frozen=True)
class Gamma:
    """Favours what speaks for the output's sign; for inputs of either sign."""

    gamma: float = 0.25
    epsilon: float = 1e-9

    def __call__(self, layer: Layer, inputs: list[Tensor], relevance: Tensor) -> list[Tensor]:
        positive, negative, (w, *b) = signs(layer, inputs)
        output = layer(*inputs)
        raised = w + self.gamma * w.clamp(min=0)
        lowered = w + self.gamma * w.clamp(max=0)
        above = [(positive, [raised, *(v + self.gamma * v.clamp(min=0) for v in b)])]
        above.append((negative, [lowered]))
        below = [(positive, [lowered, *(v + self.gamma * v.clamp(max=0) for v in b)])]
        below.append((negative, [raised]))
        return [
            through(layer, above, relevance * (output > 0), self.epsilon)
            + through(layer, below, relevance * (output < 0), self.epsilon)
        ]


@dataclass(frozen=True)
class Plus:
    """Only what adds to the output counts; for inputs of either sign."""

    epsilon: float = 1e-9

    def __call__(self, layer: Layer, inputs: list[Tensor], relevance: Tensor) -> list[Tensor]:
        positive, negative, (w, *b) = signs(layer, inputs)
        parts = [
            (positive, [w.clamp(min=0), *(v.clamp(min=0) for v in b)]),
            (negative, [w.clamp(max=0)]),
        ]
        return [through(layer, parts, relevance, self.epsilon)]


@dataclass(frozen=True)
class Box:
    """The rule for inputs between two bounds; the bias cancels (Montavon et al., 2017)."""

    low: Tensor
    high: Tensor
    epsilon: float = 1e-9

    def __call__(self, layer: Layer, inputs: list[Tensor], relevance: Tensor) -> list[Tensor]:
        (x,) = inputs
        w = layer.constants[0]
        terms = [
            (x, w),
            (-self.low.expand_as(x), w.clamp(min=0)),
            (-self.high.expand_as(x), w.clamp(max=0)),
        ]
        return [through(layer, [(a, [v]) for a, v in terms], relevance, self.epsilon)]


Rule = Callable[[Layer, list[Tensor], Tensor], list[Tensor]]
Composite = Callable[[Layer, bool], Rule | None]
"""The rule of a layer with weights, given whether it is the first; epsilon for None."""


class Network:
    """The nodes of a file; `folded`: a BatchNormalization and the Conv before it are one layer."""

    def __init__(
        self, path: Path, *, folded: bool = False, dtype: torch.dtype = torch.float64
    ) -> None:
        graph = onnx.load(path).graph
        self.input, self.output = graph.input[0].name, graph.output[0].name
        constants = {
            item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
            for item in graph.initializer
        }
        constants = {
            name: value.double() if value.is_floating_point() else value
            for name, value in constants.items()
        }
        self.layers: list[Layer] = []
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = OPERATORS["Constant"]([], attributes_of(node))
            elif node.op_type == "Identity" and node.input[0] in constants:
                constants[node.output[0]] = constants[node.input[0]]
            else:
                self.layers.append(read(node, constants))
        if folded:
            self.layers = with_folded_normalizations(self.layers)
        self.layers = [layer.converted(dtype) for layer in self.layers]

    def values(self, x: Tensor) -> dict[str, Tensor]:
        values = {self.input: x}
        for layer in self.layers:
            values[layer.output] = layer(*(values[name] for name in layer.sources))
        return values

    def lrp(
        self, x: Tensor, target: int, epsilon: float = 1e-9, composite: Composite | None = None
    ) -> Tensor:
        """The relevance of each element of x; every layer epsilon unless the composite differs."""
        values = self.values(x)
        first = next(layer for layer in self.layers if layer.has_weights)
        relevances = self._start(values)
        relevances[self.output][:, target] = values[self.output][:, target]
        for layer in reversed(self.layers):
            relevance = relevances.pop(layer.output)
            inputs = [values[name] for name in layer.sources]
            if layer.kind in ELEMENTWISE:
                shares = [relevance]
            elif layer.kind in MOVING:
                shares = transposed(layer, inputs, relevance)
            else:
                rule = composite(layer, layer is first) if composite and layer.has_weights else None
                shares = (rule or Epsilon(epsilon))(layer, inputs, relevance)
            self._add(relevances, layer, shares)
        return relevances[self.input]

    def deeplift(self, x: Tensor, baseline: Tensor, target: int) -> Tensor:
        """(x - baseline) times the multipliers of the rescale rule."""
        values, others = self.values(x), self.values(baseline)
        multipliers = self._start(values)
        multipliers[self.output][:, target] = 1
        for layer in reversed(self.layers):
            m = multipliers.pop(layer.output)
            inputs = [values[name] for name in layer.sources]
            references = [others[name] for name in layer.sources]
            shares = transposed(layer, inputs, m)
            if layer.kind in ELEMENTWISE | POOLING:
                difference = inputs[0] - references[0]
                credit = pooled if layer.kind in POOLING else rescaled
                credited = credit(layer, inputs, references, m) / difference
                is_small = difference.abs() < SMALLEST_DIFFERENCE
                shares = [torch.where(is_small, shares[0], credited)]
            self._add(multipliers, layer, shares)
        return (x - baseline) * multipliers[self.input]

    def _start(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: torch.zeros_like(value) for name, value in values.items()}

    @staticmethod
    def _add(sums: dict[str, Tensor], layer: Layer, shares: list[Tensor]) -> None:
        for name, share in zip(layer.sources, shares, strict=True):
            sums[name] = sums[name] + share


def rescaled(layer: Layer, inputs: list[Tensor], references: list[Tensor], m: Tensor) -> Tensor:
    """A function of one number: what its output gains."""
    return m * (layer(*inputs) - layer(*references))


def pooled(layer: Layer, inputs: list[Tensor], references: list[Tensor], m: Tensor) -> Tensor:
    """Max pooling: what the output gains goes where the larger of both inputs has its largest."""
    output, reference = layer(*inputs), layer(*references)
    largest = torch.maximum(output, reference)
    (gained,) = transposed(layer, inputs, m * (largest - reference))
    (lost,) = transposed(layer, references, m * (output - largest))
    return gained + lost


def attributes_of(node: NodeProto) -> dict[str, object]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def read(node: NodeProto, constants: dict[str, Tensor]) -> Layer:
    if node.op_type not in LINEAR | MOVING | ELEMENTWISE | POOLING:
        raise NotImplementedError(f"{node.op_type} has no rule")
    names = [name for name in node.input if name]
    return Layer(
        node.op_type,
        [name for name in names if name not in constants],
        node.output[0],
        [constants[name] for name in names if name in constants],
        attributes_of(node),
    )


def with_folded_normalizations(layers: list[Layer]) -> list[Layer]:
    """The same function, a Conv and the BatchNormalization of its output made one Conv."""
    folded: list[Layer] = []
    for layer in layers:
        before = folded[-1] if folded else None
        if not (
            layer.kind == "BatchNormalization"
            and before
            and before.kind == "Conv"
            and layer.sources == [before.output]
        ):
            folded.append(layer)
            continue
        scale, shift, mean, variance = layer.constants
        factor = scale / (variance + layer.attributes.get("epsilon", 1e-5)).sqrt()
        weights, *bias = before.constants
        offset = (bias[0] if bias else 0) - mean
        constants = [weights * factor.reshape(-1, 1, 1, 1), offset * factor + shift]
        folded[-1] = Layer("Conv", before.sources, layer.output, constants, before.attributes)
    return folded
