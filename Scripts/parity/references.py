"""What each method gives by captum, and by a few lines where captum has none or rounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import networks
import path_references
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    GuidedGradCam,
    LayerAttribution,
    LayerConductance,
    LayerGradCam,
    Saliency,
)
from noise import SampleNoise
from onnx_modules import ModuleNetwork
from relevance import Box, Composite, Epsilon, Gamma, Layer, Network, Plus, Rule
from torch import Tensor

LOW, HIGH = (-4.0, -3.5, -3.0), (3.0, 3.5, 4.0)
"""Bounds of the input's channels, for the z-box."""
SAMPLES = 3
SIGMA = 0.05
"""Of the noise, as a share of the input's largest less its least element."""
BLUR_STEPS, BLUR_SIGMA = 6, 6.0
GUIDED_STEPS, GUIDED_FRACTION, GUIDED_DISTANCE = 10, 0.25, 0.05
STEPS = 4
"""A power of two: captum rounds the places of the steps to float32."""


@dataclass(frozen=True)
class Peer:
    """A model as PyTorch computes it, in one precision."""

    modules: ModuleNetwork
    relevance: Network
    layer: str
    """What methods of layers look at: the output of a node."""

    target: int

    @classmethod
    def of(cls, model: Path, picture: Tensor) -> Peer:
        """In float64; explains the class of a picture's largest score."""
        modules = ModuleNetwork(model).double()
        target = int(modules(picture.double())[0].argmax())
        return cls(modules, Network(model, folded=True), last_spatial(modules), target)

    def rounded(self, model: Path) -> Peer:
        """The same in float32."""
        modules = ModuleNetwork(model)
        relevance = Network(model, folded=True, dtype=torch.float32)
        return replace(self, modules=modules, relevance=relevance)


def last_spatial(modules: ModuleNetwork) -> str:
    """The last Relu of a picture: what follows it pools or flattens."""
    kinds = [node.op_type for node in modules.nodes]
    end = min(kinds.index(kind) for kind in ("Flatten", "Gemm") if kind in kinds)
    return [node.output[0] for node in modules.nodes[:end] if node.op_type == "Relu"][-1]


def gradient(peer: Peer, x: Tensor) -> Tensor:
    return Saliency(peer.modules).attribute(x, target=peer.target, abs=False)


def guided_backprop(peer: Peer, x: Tensor) -> Tensor:
    return GuidedBackprop(peer.modules).attribute(x, target=peer.target)


def deconvnet(peer: Peer, x: Tensor) -> Tensor:
    return Deconvolution(peer.modules).attribute(x, target=peer.target)


def deeplift(peer: Peer, x: Tensor) -> Tensor:
    return peer.relevance.deeplift(x, baseline(x), peer.target)


def deeplift_of_two(peer: Peer, x: Tensor) -> Tensor:
    """The mean of the maps from two baselines."""
    starts = others(x.shape[-1]).to(x).split(1)
    maps = [peer.relevance.deeplift(x, start, peer.target) for start in starts]
    return sum(maps) / len(maps)


def lrp(peer: Peer, x: Tensor) -> Tensor:
    return peer.relevance.lrp(x, peer.target)


def lrp_gamma(peer: Peer, x: Tensor) -> Tensor:
    return peer.relevance.lrp(x, peer.target, composite=lambda *_: Gamma())


def lrp_plus(peer: Peer, x: Tensor) -> Tensor:
    return peer.relevance.lrp(x, peer.target, composite=lambda *_: Plus())


def lrp_epsilon_plus(peer: Peer, x: Tensor) -> Tensor:
    return peer.relevance.lrp(x, peer.target, composite=mixed(Plus()))


def lrp_epsilon_gamma_box(peer: Peer, x: Tensor) -> Tensor:
    low, high = (torch.tensor(b, dtype=x.dtype).reshape(1, -1, 1, 1) for b in (LOW, HIGH))
    return peer.relevance.lrp(x, peer.target, composite=mixed(Gamma(), Box(low, high)))


def mixed(convolutions: Rule, first: Rule | None = None) -> Composite:
    """A rule for the first layer, one for other convolutions, epsilon for matrix products."""

    def rule(layer: Layer, is_first: bool) -> Rule:
        if is_first and first:
            return first
        return convolutions if layer.kind == "Conv" else Epsilon()

    return rule


def windows(size: int) -> tuple[int, int]:
    """The edge and the stride of the occlusion: windows overlap and the last ones are clipped."""
    return size * 4 // 9, size // 3 - 2


def occlusion(peer: Peer, x: Tensor) -> Tensor:
    """As captum's, which rounds to float32: the mean loss of score over the windows."""
    losses, counts = torch.zeros_like(x), torch.zeros_like(x)
    with torch.no_grad():
        score = peer.modules(x)[0, peer.target]
        for place in places(x):
            occluded = x.clone()
            occluded[place] = 0
            losses[place] += score - peer.modules(occluded)[0, peer.target]
            counts[place] += 1
    return losses / counts


def places(x: Tensor) -> Iterator[tuple[slice, ...]]:
    edge, stride = windows(x.shape[-1])
    starts = [range(0, extent - edge + stride, stride) for extent in x.shape[2:]]
    for top in starts[0]:
        for left in starts[1]:
            yield ..., slice(top, top + edge), slice(left, left + edge)


def grad_cam(peer: Peer, x: Tensor) -> Tensor:
    """The same for each channel of the input."""
    method = LayerGradCam(peer.modules, peer.modules.layer(peer.layer))
    cam = method.attribute(x, target=peer.target, relu_attributions=True)
    return LayerAttribution.interpolate(cam, x.shape[2:], "bilinear").expand_as(x)


def guided_grad_cam(peer: Peer, x: Tensor) -> Tensor:
    method = GuidedGradCam(peer.modules, peer.modules.layer(peer.layer))
    return method.attribute(x, target=peer.target, interpolate_mode="bilinear")


def conductance(peer: Peer, x: Tensor) -> Tensor:
    """Of the layer's shape; of captum's rules only this one takes both ends of the line."""
    method = LayerConductance(peer.modules, peer.modules.layer(peer.layer))
    return method.attribute(x, baseline(x), peer.target, n_steps=STEPS, method="riemann_trapezoid")


def noisy_gradients(peer: Peer, x: Tensor) -> Tensor:
    """The gradients at points with the program's noise, [SAMPLES, ...]."""
    noise = SampleNoise("smoothgrad")
    exact = x.double()
    scale = SIGMA * (exact.max() - exact.min())
    points = [exact + scale * noise.normal(tuple(x.shape)) for _ in range(SAMPLES)]
    return torch.stack([gradient(peer, point.to(x.dtype)) for point in points])


def smoothgrad(peer: Peer, x: Tensor) -> Tensor:
    return noisy_gradients(peer, x).mean(0)


def smoothgrad_squared(peer: Peer, x: Tensor) -> Tensor:
    return noisy_gradients(peer, x).square().mean(0)


def vargrad(peer: Peer, x: Tensor) -> Tensor:
    return noisy_gradients(peer, x).var(0, correction=0)


def others(size: int) -> Tensor:
    """The samples that Expected Gradients compares with, [2, 3, size, size]."""
    return networks.pictures(2, size).flip(3)


def baseline(x: Tensor) -> Tensor:
    """The first of them: from one colour, elements tie in the windows of MaxPool."""
    return others(x.shape[-1])[:1].to(x)


def expected_gradients(peer: Peer, x: Tensor) -> Tensor:
    shares = SampleNoise("expected gradients").uniform(SAMPLES)
    samples = others(x.shape[-1]).double()
    total = torch.zeros_like(x)
    for index, share in enumerate(shares):
        reference = samples[index % len(samples)][None]
        difference = x.double() - reference
        slope = gradient(peer, (reference + share * difference).to(x.dtype))
        total += (difference * slope / SAMPLES).to(x.dtype)
    return total


def blur_ig(peer: Peer, x: Tensor) -> Tensor:
    return path_references.blur_ig(slopes(peer, x.dtype), x.double(), BLUR_STEPS, BLUR_SIGMA)


def guided_ig(peer: Peer, x: Tensor) -> Tensor:
    settings = GUIDED_STEPS, GUIDED_FRACTION, GUIDED_DISTANCE
    end = x.double()
    return path_references.guided_ig(slopes(peer, x.dtype), end, baseline(end), *settings)


def slopes(peer: Peer, dtype: torch.dtype) -> path_references.GradientOf:
    """The gradient at points of float64, computed in the precision of the network."""
    return lambda at: gradient(peer, at.to(dtype)).double()


def fullgrad_sum(peer: Peer, x: Tensor) -> Tensor:
    """What complete maps add up to, as its parts do: the score."""
    own, parts = path_references.fullgrad(peer.modules, x, peer.target)
    return own.sum() + sum(part.sum() for part in parts)
