"""Measures the shipped shapes classifier: accuracy, agreement of engines, and what lights up.

    python models/check_shapes.py
    python models/check_shapes.py --pictures sheet.png      # also draws some of the maps

Needs torch, captum, onnx, onnxruntime, numpy and pillow. Over the shipped pictures it computes
Integrated Gradients (zero baseline in the network's input space, 128 Gauss-Legendre steps, target:
the true label's logit) and compares |sum over channels| with the masks of the shapes:

    mass      the share of the map that falls on the shape, beside the share of the area it covers
    near      the same for the shape and the two pixels around it
    pointing  how often the largest value falls on the shape (within two pixels of it)

It ends with an error if ONNX Runtime and PyTorch disagree, or if the map does not favour the shape.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from captum.attr import IntegratedGradients
from PIL import Image, ImageFilter

from shapes import CLASSES, SIDE
from train_shapes import ShapesNet
from training import THREADS, normalized

STEPS = 128
MARGIN = 2


def network_of(path: Path) -> ShapesNet:
    """The PyTorch network with the weights of an exported one."""
    weights = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
    }
    network = ShapesNet(folded=True).eval()
    network.load_state_dict(weights)
    return network


def load_pictures(folder: Path) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """Reads pixels [N, 64, 64, 3], masks [N, 64, 64] and labels [N] as `labels.csv` lists them."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    pixels = [np.asarray(Image.open(folder / row["file"]).convert("RGB")) for row in rows]
    masks = [
        np.asarray(Image.open(folder / row["file"].replace("images/", "masks/"))) for row in rows
    ]
    labels = torch.tensor([CLASSES.index(row["label"]) for row in rows])
    return np.stack(pixels), np.stack(masks), labels


def maps(network: ShapesNet, images: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Integrated Gradients, float [N, 3, 64, 64]."""
    method = IntegratedGradients(network)
    results = [
        method.attribute(image[None], target=int(label), n_steps=STEPS, internal_batch_size=64)
        for image, label in zip(images, labels)
    ]
    return torch.cat(results).detach().numpy()


def widened(masks: np.ndarray) -> np.ndarray:
    """The masks with a margin around them, bool."""
    grown = [Image.fromarray(mask).filter(ImageFilter.MaxFilter(2 * MARGIN + 1)) for mask in masks]
    return np.stack([np.asarray(mask) for mask in grown]) > 127


def share(strength: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The share of each map's mass that lies in its region, [N]."""
    return (strength * region).sum((1, 2)) / strength.sum((1, 2))


def signed_picture(signed: np.ndarray) -> np.ndarray:
    """Red for evidence for the target, blue for evidence against it, on white."""
    value = np.clip(signed / np.percentile(np.abs(signed), 99.5), -1, 1)[..., None]
    red, blue = np.array([0.8, 0.0, 0.1]), np.array([0.1, 0.2, 0.8])
    colour = np.where(value > 0, red, blue)
    return (255 * (1 - np.abs(value) * (1 - colour))).astype(np.uint8)


def write_sheet(path: Path, pixels: np.ndarray, signed: np.ndarray, count: int = 40) -> None:
    """Writes pictures over their maps, spread evenly over the classes."""
    chosen = np.linspace(0, len(pixels) - 1, count).astype(int)
    tiles = [np.concatenate([pixels[i], signed_picture(signed[i])], axis=0) for i in chosen]
    rows = [np.concatenate(tiles[i : i + 10], axis=1) for i in range(0, count, 10)]
    sheet = Image.fromarray(np.concatenate(rows, axis=0))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, metavar="DIR")
    parser.add_argument("--pictures", type=Path, metavar="PNG", help="draw some of the maps")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)

    model = options.folder / "shapes.onnx"
    pixels, masks, labels = load_pictures(options.folder / "shapes")
    images = normalized(torch.from_numpy(pixels))
    network = network_of(model)
    with torch.no_grad():
        logits = network(images)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    runtime = session.run(["logits"], {"image": images.numpy()})[0]
    distance = np.linalg.norm(runtime - logits.numpy()) / np.linalg.norm(logits.numpy())
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    print(f"accuracy {accuracy:.3f} on {len(labels)} shipped pictures")
    print(f"ONNX Runtime {onnxruntime.__version__} against PyTorch: relative L2 {distance:.1e}")

    attributions = maps(network, images, labels)
    signed = attributions.sum(1)
    strength, inside, near = np.abs(signed), masks > 127, widened(masks)
    peaks = strength.reshape(len(strength), -1).argmax(1)
    pointing = near.reshape(len(near), -1)[np.arange(len(near)), peaks]
    mass, area = share(strength, inside), inside.mean((1, 2))
    print("class     accuracy   mass   area  ratio   near  pointing")
    for label, name in [*enumerate(CLASSES), (None, "all")]:
        rows = slice(None) if label is None else (labels == label).numpy()
        right = (logits.argmax(1) == labels).float().numpy()[rows].mean()
        print(
            f"{name:9} {right:8.2f} {mass[rows].mean():6.3f} {area[rows].mean():6.3f}"
            f" {(mass[rows] / area[rows]).mean():6.2f}"
            f" {share(strength, near)[rows].mean():6.3f} {pointing[rows].mean():9.2f}"
        )
    if options.pictures:
        write_sheet(options.pictures, pixels, signed)
    if distance > 1e-5:
        raise SystemExit("error: the engines disagree")
    if pointing.mean() < 0.9 or (mass / area).mean() < 2:
        raise SystemExit("error: the maps do not favour the shapes")


if __name__ == "__main__":
    main()
