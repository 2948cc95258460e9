"""Path methods and FullGrad as their authors publish them, on any differentiable network.

Blur IG and Guided IG follow PAIR's saliency library.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

GradientOf = Callable[[Tensor], Tensor]
BLUR_STEP = 0.01
"""The change of the blur's width by which the path's slope is measured."""
CLOSE = 1e-9


def blurred(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian cut off at four sigma; zeros beyond the borders."""
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return x
    places = torch.arange(-radius, radius + 1, dtype=x.dtype)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    rows = functional.conv2d(x, kernel[..., None], padding=(radius, 0), groups=x.shape[1])
    return functional.conv2d(rows, kernel[:, :, None], padding=(0, radius), groups=x.shape[1])


def blur_ig(gradient: GradientOf, x: Tensor, steps: int, sigma: float) -> Tensor:
    """Along ever weaker blurs, from width `sigma` to none; the sum of left ends."""
    total = torch.zeros_like(x)
    for step in range(steps):
        width = step * sigma / steps
        point = blurred(x, width)
        slope = (blurred(x, width + BLUR_STEP) - point) / BLUR_STEP
        total -= slope * gradient(point) * (sigma / steps)
    return total


def guided_ig(
    gradient: GradientOf, end: Tensor, start: Tensor, steps: int, fraction: float, distance: float
) -> Tensor:
    """Along the elements of least gradient first, within `distance` of the straight line.

    The path is float64 whatever the gradient's type: rounded sums never come as close as it asks.
    """
    x, total = start.clone(), torch.zeros_like(end)
    whole = (end - start).abs().sum().item()
    if whole == 0:
        return total
    for step in range(steps):
        slope = gradient(x)
        size = slope.abs()
        alpha = (step + 1) / steps
        low, high = max(alpha - distance, 0), min(alpha + distance, 1)
        least, most = start + (end - start) * low, start + (end - start) * high
        wanted = whole * (1 - alpha)
        share = math.inf
        while share > 1:
            old = x.clone()
            travelled = torch.where(end == start, high, (x - start) / (end - start))
            x = torch.where(travelled < low, least, x)
            left = (x - end).abs().sum().item()
            if math.isclose(wanted, left, rel_tol=CLOSE, abs_tol=CLOSE):
                total += (x - old) * slope
                break
            size[x == most] = math.inf
            rank = int(fraction * (size.numel() - 1))
            chosen = (size <= size.flatten().sort().values[rank]) & (size < math.inf)
            reach = ((x - most).abs() * chosen).sum().item()
            if reach == 0:
                total += (x - old) * slope
                break
            share = (left - wanted) / reach
            moved = most if share > 1 else x + (most - x) * share
            x = torch.where(chosen, moved, x)
            total += (x - old) * slope
    return total


def fullgrad(network: nn.Module, x: Tensor, target: int) -> tuple[Tensor, list[Tensor]]:
    """x * dF/dx, and b * dF/dz of each layer with a bias; together they add up to F."""
    outputs: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda m, _, z: outputs.append((m, z)))
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and module.bias is not None
    ]
    x = x.clone().requires_grad_()
    score = network(x)[0, target]
    for hook in hooks:
        hook.remove()
    own, *others = torch.autograd.grad(score, [x, *(z for _, z in outputs)])
    maps = [
        bias(module).reshape(-1, *[1] * (z.dim() - 2)) * slope
        for (module, z), slope in zip(outputs, others, strict=True)
    ]
    return (x * own).detach(), [part.detach() for part in maps]


def bias(module: nn.Module) -> Tensor:
    if not isinstance(module, nn.BatchNorm2d):
        return module.bias
    scale = module.weight / (module.running_var + module.eps).sqrt()
    return module.bias - module.running_mean * scale
