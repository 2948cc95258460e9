#!/usr/bin/env python3
"""Writes the pictures that Tests/EvaluationTests compares with: what Pillow and torchvision make
of the same files. Usage: picture_goldens.py [FOLDER]. Needs numpy, Pillow, torch, torchvision."""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

# Some torchvision builds lack their C++ operators, which no transform needs.
_declarations = torch.library.Library("torchvision", "FRAGMENT")
for _name in ["nms", "qnms"]:
    try:
        _declarations.define(f"{_name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    except RuntimeError:
        pass
from torchvision import transforms  # noqa: E402

EXIF_ORIENTATION = 0x0112
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/EvaluationTests/Golden")


def scene(width, height, seed):
    """A smooth gradient with hard edges, noise, and one white corner that tells orientations."""
    noise = np.random.default_rng(seed).integers(0, 60, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 195 // width, y * 195 // height, (x + y) * 195 // (width + height)], -1)
    pixels = pixels + noise
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (250, 10, 40)
    pixels[: height // 4, : width // 6] = 255
    return Image.fromarray(pixels.astype(np.uint8))


def save_ppm(picture, name):
    picture.convert("RGB").save(FOLDER / f"{name}.ppm")


def save(picture, name, **options):
    """Writes a file, and beside it as PPM what Pillow reads from it, upright."""
    picture.save(FOLDER / name, **options)
    save_ppm(ImageOps.exif_transpose(Image.open(FOLDER / name)), name)


def resizes(source):
    for width, height in [(16, 12), (80, 50), (37, 10), (5, 29), (1, 1), (100, 7), (36, 30)]:
        resized = source.resize((width, height), Image.Resampling.BILINEAR)
        save_ppm(resized, f"resized-{width}x{height}")


def formats():
    picture = scene(20, 14, seed=2)
    alpha = Image.fromarray(np.linspace(0, 255, 280).astype(np.uint8).reshape(14, 20))
    with_alpha = picture.copy()
    with_alpha.putalpha(alpha)
    grey = picture.convert("L")
    palette = picture.quantize(11)
    save(picture, "rgb.png")
    save(with_alpha, "rgba.png")
    save(grey, "grey.png")
    save(Image.merge("LA", (grey, alpha)), "grey-alpha.png")
    save(palette, "palette.png")
    save(palette, "palette-transparent.png", transparency=3)
    save(grey.point(lambda v: 255 * (v > 99), "1"), "bilevel.png")
    save(picture, "444.jpg", quality=95, subsampling=0)
    save(picture, "420.jpg", quality=80, subsampling=2)
    save(picture, "progressive.jpg", quality=90, progressive=True)
    save(grey, "grey.jpg", quality=90)
    save(picture, "lossless.webp", lossless=True)
    save(with_alpha, "alpha.webp", lossless=True, exact=True)
    save(picture, "lossy.webp", quality=90)
    save(picture, "rgb.bmp")
    save(palette, "palette.bmp")
    save(grey, "grey.bmp")
    save(palette, "palette.gif")
    save(grey, "grey.gif")
    save(picture, "deflate.tiff", compression="tiff_deflate")
    save(palette, "palette.tiff")
    save(grey, "grey.tiff", compression="tiff_lzw")
    grey.convert("1").save(FOLDER / "bilevel.tiff")
    with_alpha.save(FOLDER / "transparent.tiff")
    picture.save(FOLDER / "animation.webp", save_all=True, append_images=[scene(20, 14, seed=4)])


def orientations():
    picture = scene(12, 8, seed=3)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        save(picture, f"orientation-{orientation}.jpg", quality=95, subsampling=0, exif=exif)
        picture.save(FOLDER / f"orientation-{orientation}.tiff", tiffinfo=exif)
    exif[EXIF_ORIENTATION] = 6
    save(picture, "orientation-6.png", exif=exif)
    save(picture, "orientation-6.webp", lossless=True, exif=exif)


def preprocessed(source):
    for short, width, height in [(20, 15, 12), (10, 16, 24), (21, 21, 18), (33, 17, 40)]:
        geometry = [transforms.Resize(short), transforms.CenterCrop((height, width))]
        save_ppm(transforms.Compose(geometry)(source), f"geometry-{short}-{width}x{height}")
    imagenet = transforms.Compose([
        transforms.Resize(18),
        transforms.CenterCrop(16),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    imagenet(source).numpy().astype("<f4").tofile(FOLDER / "imagenet-16x16.f32")
    np.asarray(source.convert("L"), "<u1").tofile(FOLDER / "source.grey")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = scene(37, 29, seed=1)
    save(source, "source.png")
    resizes(source)
    formats()
    orientations()
    preprocessed(source)


if __name__ == "__main__":
    main()
