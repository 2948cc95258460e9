"""The tiny networks of the golden tensors, one per structure that real classifiers are made of.

Everything that the ONNX format keeps in float32 (BatchNorm's epsilon, HardSigmoid's slope, LRN's
constants) is rounded to float32 here too, so a float64 run of the exported file and of the module
compute the same function to the last digits. Used by goldens.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = float(np.float32(1e-5))
SIXTH = float(np.float32(1 / 6))
HALF_ROOT = float(np.float32(0.5**0.5))


class ChannelMixer(nn.Module):
    """Splits the channels in two, works on one half, and shuffles them, as ShuffleNet does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        pointwise = nn.Conv2d(half, half, 1)
        self.branch = nn.Sequential(depthwise(half), norm(half), pointwise, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        kept, worked = x.chunk(2, dim=1)
        joined = torch.cat([kept, self.branch(worked)], dim=1)
        batch, channels, height, width = joined.shape
        groups = joined.view(batch, 2, channels // 2, height, width)
        return groups.transpose(1, 2).reshape(batch, channels, height, width)


class Concatenated(nn.Module):
    """Several branches of one input, side by side in the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class DenseBlock(nn.Module):
    """Each layer sees the inputs of all before it: BatchNorm, ReLU, Conv, Concat."""

    def __init__(self, channels: int, growth: int, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                norm(channels + i * growth),
                nn.ReLU(),
                nn.Conv2d(channels + i * growth, growth, 3, padding=1, bias=False),
            )
            for i in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class HardSigmoid(nn.Module):
    """HardSigmoid with the slope that the ONNX attribute can hold."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            return functional.hardsigmoid(x)
        return (x * SIXTH + 0.5).clamp(0, 1)


class LocalResponseNorm(nn.Module):
    """LRN across channels, exported as the ONNX operator instead of its parts."""

    size, alpha, beta, bias = 5, 2.0**-6, 0.75, 1.0

    class _Exported(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def symbolic(graph, x):
            norm = LocalResponseNorm
            attributes = {"alpha_f": norm.alpha, "beta_f": norm.beta, "bias_f": norm.bias}
            return graph.op("LRN", x, size_i=norm.size, **attributes).setType(x.type())

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            return self._Exported.apply(x)
        return functional.local_response_norm(x, self.size, self.alpha, self.beta, self.bias)


class Residual(nn.Module):
    """A sum of a branch and a shortcut, then ReLU."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.branch(x) + self.shortcut(x))


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the channels' means."""

    def __init__(self, channels: int, squeezed: int, gate: nn.Module) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        squeezed = functional.relu(self.reduce(functional.adaptive_avg_pool2d(x, 1)))
        return x * self.gate(self.expand(squeezed))


class Attention(nn.Module):
    """Self-attention of one head; four channels make its scale a power of two."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(channels, 4) for _ in range(3))
        self.output = nn.Linear(4, channels)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.query(x) @ self.key(x).transpose(1, 2) * 0.5
        return self.output(scores.softmax(-1) @ self.value(x))


class Gelu(nn.Module):
    """GELU with the constant that a float32 file can hold."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.5 * (1 + torch.erf(x * HALF_ROOT))


class Encoder(nn.Module):
    """Patches, position embeddings and one pre-norm transformer block, as a ViT has them."""

    def __init__(self, channels: int, places: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, channels, 4, 4)
        generator = torch.Generator().manual_seed(places)
        self.positions = nn.Parameter(torch.randn(1, places, channels, generator=generator))
        self.norms = nn.ModuleList(nn.LayerNorm(channels, eps=EPSILON) for _ in range(2))
        self.attention = Attention(channels)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, 16), Gelu(), nn.Linear(16, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        x = x + self.attention(self.norms[0](x))
        return (x + self.perceptron(self.norms[1](x))).mean(1)


class SpatialMean(nn.Module):
    """The mean over height and width, exported as ReduceMean."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def depthwise(channels: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(channels, channels, kernel, stride, padding, groups=channels, bias=False)


def norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=None)


def head(channels: int, classes: int = 7) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def convolutions() -> nn.Module:
    """Groups, strides, dilations, asymmetric pads, oblong kernels, MaxPool variants."""
    return nn.Sequential(
        nn.Conv2d(3, 8, (5, 3), stride=(2, 1), padding=(2, 0)),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4),
        nn.LeakyReLU(0.125),
        nn.ZeroPad2d((1, 0, 2, 1)),
        nn.Conv2d(12, 8, (2, 3), stride=(1, 2), groups=2),
        nn.ReLU(),
        nn.MaxPool2d((3, 2), (1, 2), padding=(1, 0), dilation=(1, 1)),
        nn.Flatten(),
        nn.Linear(8 * 8 * 2, 7),
    )


def residual() -> nn.Module:
    """Residual blocks with BatchNorm left in the graph, as ResNet has them."""

    def branch(inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            norm(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            norm(outputs),
        )

    shortcut = nn.Sequential(nn.Conv2d(8, 12, 1, 2, bias=False), norm(12))
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 1, 1, bias=False),
        norm(8),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        Residual(branch(8, 8, 1)),
        Residual(branch(8, 12, 2), shortcut),
        *head(12),
    )


def mobile() -> nn.Module:
    """HardSwish, SiLU, ReLU6 and squeeze-excitation with either gate, as the mobile nets have."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        norm(8),
        nn.Hardswish(),
        depthwise(8, 5),
        norm(8),
        nn.Hardswish(),
        SqueezeExcitation(8, 4, HardSigmoid()),
        nn.Conv2d(8, 12, 1, bias=False),
        norm(12),
        nn.SiLU(),
        SqueezeExcitation(12, 4, nn.Sigmoid()),
        nn.Conv2d(12, 16, 1),
        nn.ReLU6(),
        *head(16),
    )


def dense() -> nn.Module:
    """A dense block and a transition, as DenseNet has them."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1, bias=False),
        DenseBlock(6, 4, 3),
        norm(18),
        nn.ReLU(),
        nn.Conv2d(18, 9, 1, bias=False),
        nn.AvgPool2d(2, 2),
        DenseBlock(9, 4, 2),
        norm(17),
        nn.ReLU(),
        *head(17),
    )


def inception() -> nn.Module:
    """Parallel branches, AveragePool with and without the padding counted, factored kernels."""

    def block(inputs: int, counts_padding: bool) -> nn.Module:
        average = nn.AvgPool2d(3, 1, 1, count_include_pad=counts_padding)
        return Concatenated(
            nn.Sequential(nn.Conv2d(inputs, 4, 1), nn.ReLU()),
            nn.Sequential(
                nn.Conv2d(inputs, 4, (1, 5), padding=(0, 2)),
                nn.Conv2d(4, 4, (5, 1), padding=(2, 0)),
                nn.ReLU(),
            ),
            nn.Sequential(average, nn.Conv2d(inputs, 4, 1), nn.ReLU()),
            nn.MaxPool2d(3, 1, 1),
        )

    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ReLU(), block(4, True), block(16, False), *head(28)
    )


def separable() -> nn.Module:
    """Inverted residuals of depthwise convolutions and ReLU6, as MobileNet v2 has them."""

    def inverted(channels: int) -> nn.Module:
        wide = channels * 3
        return nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            norm(wide),
            nn.ReLU6(),
            depthwise(wide),
            norm(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, channels, 1, bias=False),
            norm(channels),
        )

    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ReLU6(),
        Residual(inverted(8)),
        depthwise(8, stride=2),
        Residual(inverted(8)),
        SpatialMean(),
        nn.Dropout(),
        nn.Linear(8, 7),
    )


def shuffle() -> nn.Module:
    """Channel splits and shuffles, as ShuffleNet v2 has them."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ReLU(),
        ChannelMixer(8),
        ChannelMixer(8),
        SpatialMean(),
        nn.Linear(8, 7),
    )


def perceptron() -> nn.Module:
    """A multilayer perceptron with smooth and kinked activations."""
    return nn.Sequential(
        nn.Linear(20, 24),
        nn.ReLU(),
        nn.Linear(24, 16),
        nn.Tanh(),
        nn.Linear(16, 12, bias=False),
        nn.Sigmoid(),
        nn.Linear(12, 5),
    )


def softmax() -> nn.Module:
    """Logits and, behind them, a Softmax: gradients of the probability are golden too."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 6 * 6, 7),
        nn.Softmax(dim=1),
    )


def response() -> nn.Module:
    """Local response normalisation between grouped convolutions, as AlexNet of 2012 has it."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2),
        nn.ReLU(),
        LocalResponseNorm(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 8, 3, 1, 1, groups=2),
        nn.ReLU(),
        LocalResponseNorm(),
        nn.Flatten(),
        nn.Linear(8 * 5 * 5, 7),
    )


def transformer() -> nn.Module:
    """A vision transformer of one block: attention, LayerNormalization, GELU."""
    return nn.Sequential(Encoder(8, 9), nn.Linear(8, 7))


@dataclass(frozen=True)
class Golden:
    """A network, the shape of one input row, and which exporter writes it at which opset."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    output: str = "logits"
    exporter: str = "torchscript"
    opset: int = 17


GOLDENS = [
    Golden("convolutions", convolutions, (3, 24, 20)),
    Golden("residual", residual, (3, 20, 20)),
    Golden("mobile", mobile, (3, 16, 16)),
    Golden("dense", dense, (3, 16, 16)),
    Golden("inception", inception, (3, 17, 15)),
    Golden("separable", separable, (3, 18, 18)),
    Golden("shuffle", shuffle, (3, 16, 16)),
    Golden("perceptron", perceptron, (20,)),
    Golden("softmax", softmax, (3, 12, 12), output="probabilities"),
    Golden("response", response, (3, 24, 24)),
    Golden("mobile-dynamo", mobile, (3, 16, 16), exporter="dynamo", opset=18),
    Golden("inception-dynamo", inception, (3, 17, 15), exporter="dynamo", opset=18),
    Golden("shuffle-dynamo", shuffle, (3, 16, 16), exporter="dynamo", opset=18),
    Golden("transformer", transformer, (3, 12, 12)),
]
