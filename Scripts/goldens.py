"""Makes the golden files of the tests: Tests/Golden/.

    python Scripts/goldens.py                      # writes Tests/Golden/ anew
    python Scripts/goldens.py --output DIR

Needs torch, torchvision, captum, onnx, onnxscript, onnxruntime, numpy and pillow; index.json
states the versions that made the committed files. Everything is seeded.

Models (Tests/Golden/, listed in index.json). Tiny networks of golden_models.py with random
float32 weights; all that PyTorch computes here, it computes in float64 with these very weights:

    NAME.onnx          the model, float32; BatchNorm is left in the graph by the TorchScript
                       exporter, and folded before the dynamo exporter (which would fold it)
    NAME.input.npy     two rows; float64 values that float32 holds exactly
    NAME.output.npy    its output
    NAME.gradient.npy  gradient of output[row, targets[row]] with respect to the input
    NAME.ig.npy        Integrated Gradients of the same by captum: zero baseline, 32
                       Gauss-Legendre steps

captum rounds the weights of its steps to float32 even when all else is float64, which moves a map
by some 5e-9; here they keep float64. `captumRounding` in the index is the relative L2 distance of
captum's own result from the file.
A model that ends in a Softmax also has NAME.logits.npy, NAME.logits.gradient.npy and
NAME.logits.ig.npy for the values before it.

Resize (Tests/Golden/resize/, resize.json): pictures, Pillow's antialiased bilinear resize of them,
torchvision's Resize + CenterCrop on odd sizes, and JPEGs with EXIF orientation 1 to 8 with the
upright pixels that Pillow reads from them.

npy (Tests/Golden/npy/, npy.json): files of several types and orders, and their values in row-major
order.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import captum
import numpy as np
import onnx
import onnxruntime
import onnxscript
import PIL
import torch
from captum.attr import IntegratedGradients
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from golden_models import GOLDENS, Golden

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "models"))
from torchvision_import import import_torchvision  # noqa: E402

STEPS = 32
ROWS = 2


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


# Models


def randomize(network: nn.Module, shape: tuple[int, ...], generator: torch.Generator) -> None:
    """Draws weights, biases and BatchNorm's scales, and takes its statistics from two batches."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.3, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
    network.train()
    with torch.no_grad():
        for _ in range(2):
            network(torch.randn(8, *shape, generator=generator))
    network.eval()


def fold_batch_norm(network: nn.Module) -> None:
    """Folds each BatchNorm into the Conv before it, in float32, as the dynamo exporter would."""
    for sequence in [m for m in network.modules() if isinstance(m, nn.Sequential)]:
        for index in range(1, len(sequence)):
            before, module = sequence[index - 1], sequence[index]
            if isinstance(before, nn.Conv2d) and isinstance(module, nn.BatchNorm2d):
                sequence[index - 1] = fuse_conv_bn_eval(before, module)
                sequence[index] = nn.Identity()


def export(golden: Golden, network: nn.Module, path: Path) -> None:
    """Exports with a dynamic batch; BatchNorm stays in the graph with TorchScript."""
    example = torch.zeros(ROWS, *golden.shape)
    common = {
        "opset_version": golden.opset,
        "input_names": ["input"],
        "output_names": [golden.output],
        "verbose": False,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if golden.exporter == "torchscript":
            torch.onnx.export(
                network,
                (example,),
                path,
                dynamo=False,
                training=torch.onnx.TrainingMode.PRESERVE,
                dynamic_axes={"input": {0: "batch"}, golden.output: {0: "batch"}},
                **common,
            )
        else:
            torch.onnx.export(
                network,
                (example,),
                path,
                dynamo=True,
                external_data=False,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                **common,
            )
            strip_stack_traces(path)


def strip_stack_traces(path: Path) -> None:
    """Removes the source lines and folders that the dynamo exporter writes into each node."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if "stack_trace" not in entry.key]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


def input_gradient(network: nn.Module, x: Tensor, targets: list[int]) -> Tensor:
    x = x.clone().requires_grad_()
    network(x)[torch.arange(len(x)), targets].sum().backward()
    return x.grad


def integrated_gradients(network: nn.Module, x: Tensor, targets: list[int]) -> Tensor:
    method = IntegratedGradients(network)
    return method.attribute(x, target=torch.tensor(targets), n_steps=STEPS).detach()


@contextmanager
def float64_step_weights() -> Iterator[None]:
    """Keeps captum from rounding the weights of its steps to float32."""
    torch.set_default_dtype(torch.float64)
    try:
        with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def relative(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def write_references(
    folder: Path, prefix: str, network: nn.Module, x: Tensor, targets: list[int]
) -> dict[str, object]:
    """Writes gradient and Integrated Gradients, and returns their part of the entry."""
    rounded = integrated_gradients(network, x, targets).numpy()
    with float64_step_weights():
        exact = integrated_gradients(network, x, targets).numpy()
    np.save(folder / f"{prefix}.gradient.npy", input_gradient(network, x, targets).numpy())
    np.save(folder / f"{prefix}.ig.npy", exact)
    return {
        "gradient": f"{prefix}.gradient.npy",
        "ig": f"{prefix}.ig.npy",
        "captumRounding": float(f"{relative(rounded, exact):.2e}"),
    }


def without_softmax(network: nn.Sequential) -> nn.Module | None:
    return network[:-1] if isinstance(network[-1], nn.Softmax) else None


def check_export(path: Path, golden: Golden, x: np.ndarray, expected: np.ndarray) -> None:
    """Fails if ONNX Runtime's output of the file is not PyTorch's."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    actual = session.run([golden.output], {"input": x.astype(np.float32)})[0]
    if relative(actual, expected) > 1e-5:
        raise SystemExit(f"error: {path}: ONNX Runtime differs from PyTorch")
    if relative(expected[0], expected[1]) < 0.05:
        raise SystemExit(f"error: {path}: the output hardly depends on the input")


def write_model(golden: Golden, seed: int, folder: Path) -> dict[str, object]:
    """Writes a model with its references, and returns its entry of the index."""
    generator = torch.Generator().manual_seed(seed)
    network = golden.build()
    randomize(network, golden.shape, generator)
    if golden.exporter == "dynamo":
        fold_batch_norm(network)
    path = folder / f"{golden.name}.onnx"
    export(golden, network, path)

    network = network.double()
    x = torch.randn(ROWS, *golden.shape, generator=generator).double()
    with torch.no_grad():
        y = network(x)
    targets = [int(y[0].argmax()), int(torch.randint(y.shape[1], (1,), generator=generator))]
    np.save(folder / f"{golden.name}.input.npy", x.numpy())
    np.save(folder / f"{golden.name}.output.npy", y.numpy())
    check_export(path, golden, x.numpy(), y.numpy())

    entry: dict[str, object] = {
        "name": golden.name,
        "description": golden.build.__doc__,
        "model": path.name,
        "exporter": golden.exporter,
        "opset": golden.opset,
        "operators": dict(sorted(Counter(n.op_type for n in onnx.load(path).graph.node).items())),
        "inputName": "input",
        "outputName": golden.output,
        "targets": targets,
        "steps": STEPS,
        "input": f"{golden.name}.input.npy",
        "output": f"{golden.name}.output.npy",
        **write_references(folder, golden.name, network, x, targets),
    }
    if logits := without_softmax(network):
        prefix = f"{golden.name}.logits"
        with torch.no_grad():
            np.save(folder / f"{prefix}.npy", logits(x).numpy())
        references = write_references(folder, prefix, logits, x, targets)
        entry["logits"] = {"output": f"{prefix}.npy", **references}
    return entry


# Pictures


def noisy_gradient(
    width: int, height: int, rng: np.random.Generator, noise: float = 25
) -> np.ndarray:
    """A colour ramp with noise, uint8 [height, width, 3]."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    ramps = np.stack([x, y, 1 - (x + y) / 2], axis=-1) * 255
    return np.clip(ramps + rng.normal(0, noise, ramps.shape), 0, 255).astype(np.uint8)


def write_resizes(folder: Path, rng: np.random.Generator) -> list[dict[str, object]]:
    """Pillow's bilinear resize of pictures, up and down, one and both ways."""
    sizes = {
        (40, 30): [(20, 15), (17, 11), (64, 48), (40, 7), (5, 30), (90, 13), (1, 1)],
        (37, 91): [(37, 30), (16, 40), (64, 64), (13, 91), (50, 123)],
        (3, 5): [(1, 1), (2, 3), (9, 15), (7, 2), (32, 32)],
        (150, 113): [(64, 48), (32, 32), (9, 9)],
    }
    entries = []
    for (width, height), targets in sizes.items():
        name = f"{width}x{height}"
        source = Image.fromarray(noisy_gradient(width, height, rng))
        source.save(folder / f"{name}.png", optimize=True)
        for size in targets:
            result = f"{name}-to-{size[0]}x{size[1]}.png"
            resized = source.resize(size, Image.Resampling.BILINEAR)
            resized.save(folder / result, optimize=True)
            entries.append(
                {"source": f"{name}.png", "width": size[0], "height": size[1], "result": result}
            )
    return entries


def write_crops(folder: Path, rng: np.random.Generator) -> list[dict[str, object]]:
    """torchvision's Resize(short side) and CenterCrop, with halves to round and sizes to pad."""
    transforms = import_torchvision().transforms
    cases = {
        (97, 65): [(64, 56), (32, 28)],
        (65, 97): [(64, 56), (32, 27)],
        (101, 77): [(64, 57), (33, 28)],
        (77, 103): [(65, 56), (66, 57)],
        (64, 64): [(64, 56), (64, 61)],
        (30, 53): [(64, 56)],
        (41, 40): [(24, 32)],
    }
    entries = []
    for (width, height), pairs in cases.items():
        name = f"crop-{width}x{height}"
        source = Image.fromarray(noisy_gradient(width, height, rng, noise=12))
        source.save(folder / f"{name}.png", optimize=True)
        for short_side, side in pairs:
            pipeline = transforms.Compose(
                [transforms.Resize(short_side), transforms.CenterCrop(side)]
            )
            result = f"{name}-{short_side}-{side}.npy"
            np.save(folder / result, np.asarray(pipeline(source)))
            entry = {"source": f"{name}.png", "shortSide": short_side, "crop": side}
            entries.append({**entry, "result": result})
    return entries


def write_orientations(folder: Path) -> list[dict[str, object]]:
    """One smooth picture under all eight EXIF orientations, and the upright pixels of each."""
    height, width = 16, 24
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    stored = np.stack([230 * x + 10, 200 * y + 20, 180 - 120 * x * y], axis=-1).astype(np.uint8)
    entries = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = folder / f"orientation-{orientation}.jpg"
        Image.fromarray(stored).save(path, quality=95, subsampling=0, exif=exif)
        with Image.open(path) as picture:
            upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        result = f"orientation-{orientation}.npy"
        np.save(folder / result, upright)
        entries.append({"source": path.name, "orientation": orientation, "result": result})
    return entries


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    index = {
        "versions": {name: versions()[name] for name in ("pillow", "torchvision", "numpy")},
        "tolerance": 1,
        "resize": write_resizes(folder, rng),
        "resizeCenterCrop": write_crops(folder, rng),
        "orientation": {
            "tolerance": 2,
            "toleranceReason": "JPEG decoders may differ by a rounding",
            "cases": write_orientations(folder),
        },
    }
    write_json(folder / "resize.json", index)


# npy


def npy_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(30)
    matrix = rng.standard_normal((3, 4))
    return {
        "float32": matrix.astype(np.float32).reshape(2, 3, 2),
        "float64": matrix,
        "float16": np.array([[1.5, -0.25, 65504.0], [2.0**-24, 0.0, -0.0]], np.float16),
        "int64": np.array([[-(2**53), -1, 0], [1, 2**40, 2**53]], np.int64),
        "int32": np.arange(-3, 3, dtype=np.int32),
        "uint8": np.arange(0, 256, 17, dtype=np.uint8).reshape(4, 4),
        "bool": np.array([[True, False], [False, True], [True, True]]),
        "fortran": np.asfortranarray(rng.standard_normal((2, 3, 4))),
        "fortran-float32": np.asfortranarray(rng.standard_normal((3, 2)).astype(np.float32)),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 3), np.float32),
        "one": np.array([-7.0], np.float32),
        "big-endian-float64": matrix.astype(">f8"),
        "big-endian-float32": matrix.astype(">f4"),
        "big-endian-int64": np.array([1, -2, 2**40], ">i8"),
    }


def write_npy(folder: Path) -> None:
    """Writes arrays with format version 1.0, and one with 2.0."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name, array in npy_arrays().items():
        np.save(folder / f"{name}.npy", array)
        entries.append(npy_entry(name, array))
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    with (folder / "version-2.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version=(2, 0))
    entries.append(npy_entry("version-2", array))
    write_json(folder / "npy.json", {"numpy": np.__version__, "files": entries})


def npy_entry(name: str, array: np.ndarray) -> dict[str, object]:
    flags = array.flags
    return {
        "file": f"{name}.npy",
        "descr": array.dtype.str,
        "fortranOrder": flags.f_contiguous and not flags.c_contiguous,
        "shape": list(array.shape),
        "values": array.ravel(order="C").tolist(),
    }


def versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": import_torchvision().__version__,
        "captum": captum.__version__,
        "onnx": onnx.__version__,
        "onnxscript": onnxscript.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "Tests" / "Golden", metavar="DIR"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    options.output.mkdir(parents=True, exist_ok=True)
    entries = []
    for index, golden in enumerate(GOLDENS):
        entries.append(write_model(golden, seed=100 + index, folder=options.output))
        print(f"{golden.name}: captum's rounding {entries[-1]['captumRounding']}")
    write_json(options.output / "index.json", {"versions": versions(), "models": entries})
    write_pictures(options.output / "resize")
    write_npy(options.output / "npy")


if __name__ == "__main__":
    main()
