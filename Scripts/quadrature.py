#!/usr/bin/env python3
"""How many evaluations Integrated Gradients take for a map of a given error: docs/quadrature.md.

For each model and baseline the maps of 20 pictures by every rule are compared with those of 2,187
midpoints. Models of this repository are taken unless others are named: MODEL=FOLDER with pictures.
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
SHAPES = ROOT / "models/shapes/images"
BASELINES = ["zero", "black", "noise:1"]
RULES = ["warped:1.5", "warped:2", "warped:3", "midpoint", "gauss-legendre", "trapezoid"]
STEPS = [8, 16, 32, 64, 128, 256]
TOLERANCES = [0.05, 0.01]
REFERENCE = 2187


class Maps:
    """The maps of some pictures by one model from one baseline."""

    def __init__(self, program, model, pictures, baseline, folder):
        self.program, self.model, self.pictures = program, model, pictures
        self.baseline, self.folder = baseline, folder
        self.targets = self.reference = None
        self.reference, _ = self.attribute("--steps", REFERENCE, "--quadrature", "midpoint")

    def attribute(self, *options):
        command = [self.program, "attribute", self.model, *self.pictures, "--method", "ig",
                   "--baseline", self.baseline, "--format", "npy,json", "--quiet", "--json",
                   "--output", self.folder, *options]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        maps = [np.load(Path(self.folder) / f"{Path(p).stem}.npy").astype(np.float64)
                for p in self.pictures]
        return maps, json.loads(done.stdout)

    def errors(self, *options):
        maps, facts = self.attribute(*options)
        errors = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(maps, self.reference)]
        return errors, facts


def steps_needed(curve, error):
    """The number of evaluations at which a rule's median error falls to `error`, read off the
    straight lines between its measured points on logarithmic axes."""
    for (n0, e0), (n1, e1) in zip(curve, curve[1:]):
        if e1 <= error < e0:
            share = math.log(e0 / error) / math.log(e0 / e1)
            return math.exp(math.log(n0) + share * math.log(n1 / n0))
    n, e = curve[-1] if error < curve[-1][1] else curve[0]
    return n * e / error


def pictures(folder, count):
    files = sorted(p for p in Path(folder).rglob("*") if p.suffix in {".png", ".jpg", ".npy"})
    chosen = files[:: max(1, len(files) // count)][:count]
    return chosen


def study(arguments, model, folder, lines):
    with tempfile.TemporaryDirectory() as scratch:
        flat = []
        for number, path in enumerate(pictures(folder, arguments.pictures)):
            link = Path(scratch) / f"{number:03}{path.suffix}"
            link.symlink_to(path.resolve())
            flat.append(link)
        for baseline in arguments.baselines:
            maps = Maps(arguments.program, model, flat, baseline, scratch + "/maps")
            curves = {}
            for rule in RULES:
                curves[rule] = [
                    (n, statistics.median(maps.errors("--steps", n, "--quadrature", rule)[0]))
                    for n in STEPS]
            name = f"{Path(model).stem} | {baseline}"
            best = min(RULES, key=lambda rule: sum(math.log(e) for _, e in curves[rule]))
            for rule in RULES:
                cells = " | ".join(f"{e:.4f}" for _, e in curves[rule])
                mark = f"**{rule}**" if rule == best else rule
                lines["rules"].append(f"| {name} | {mark} | {cells} |")
                print(lines["rules"][-1], flush=True)
            for tolerance in TOLERANCES:
                errors, facts = maps.errors("--tolerance", tolerance)
                steps = [fact["steps"] for fact in facts]
                within = sum(e < tolerance for e in errors)
                ratios = {rule: statistics.median(
                    steps_needed(curves[rule], e) / n for e, n in zip(errors, steps))
                    for rule in ["gauss-legendre", "midpoint", "warped:2"]}
                lines["tolerances"].append(
                    f"| {name} | {tolerance} | {within} of {len(errors)} | "
                    f"{statistics.median(errors):.4f} | {statistics.median(steps):.0f} | "
                    + " | ".join(f"{r:.1f}" for r in ratios.values()) + " |")
                print(lines["tolerances"][-1], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / ".build/release/ascribe")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--baselines", nargs="+", default=BASELINES)
    parser.add_argument("--output", help="a file that receives the tables")
    parser.add_argument("models", nargs="*", metavar="MODEL=FOLDER", default=[
        f"{ROOT}/models/pairs/{name}.onnx={SHAPES}" for name in ["alexnet", "vgg", "resnet"]])
    arguments = parser.parse_args()
    lines = {"rules": [], "tolerances": []}
    for item in arguments.models:
        model, folder = item.split("=")
        study(arguments, model, folder, lines)
    if arguments.output:
        steps = " | ".join(str(n) for n in STEPS)
        text = [f"| model | baseline | rule | {steps} |", "| --- | --- | --- |" + " ---: |" * len(STEPS),
                *lines["rules"], "",
                "| model | baseline | tolerance | within | true error | steps | gauss-legendre | "
                "midpoint | warped:2 |", "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
                *lines["tolerances"], ""]
        Path(arguments.output).write_text("\n".join(text))


if __name__ == "__main__":
    main()
