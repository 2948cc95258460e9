"""Imports torchvision where its C++ operators are missing, which classifiers do not need."""

from __future__ import annotations

from types import ModuleType

import torch

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_torchvision() -> ModuleType:
    """Returns torchvision; declares the operators that its import asks for if they are missing."""
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", SIGNATURE)
        import torchvision
    return torchvision
