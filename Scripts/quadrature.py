#!/usr/bin/env python3
"""How many evaluations Integrated Gradients take for a map of a given error: docs/quadrature.md.

For each model and baseline the maps of 20 pictures by every rule are compared with those of 2,187
midpoints. Models of this repository are taken unless others are named: NAME=MODEL=FOLDER, where
NAME stands in the tables and FOLDER holds pictures.
"""

import argparse
import json
import math
import statistics
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
SHAPES = ROOT / "models/shapes/images"
BASELINES = ["zero", "black", "noise:1"]
RULES = ["secant", "warped", "warped:1.5", "warped:2", "warped:3", "midpoint", "gauss-legendre", "trapezoid"]
STEPS = [8, 16, 32, 64, 128, 256]
TOLERANCES = [0.05, 0.01]
REFERENCE = 2187


class Maps:
    """The maps of some pictures by one model from one baseline."""

    def __init__(self, arguments, model, pictures, baseline, folder):
        self.program, self.model, self.pictures = arguments.program, model, pictures
        self.baseline, self.folder = baseline, folder
        self.preprocess = ["--preprocess", arguments.preprocess] if arguments.preprocess else []
        self.reference, _ = self.attribute(
            "--steps", arguments.reference, "--quadrature", "midpoint")

    def attribute(self, *options):
        command = [self.program, "attribute", self.model, *self.pictures, "--method", "ig",
                   "--baseline", self.baseline, "--format", "npy,json", "--quiet", "--json",
                   "--output", self.folder, *self.preprocess, *options]
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


def study(arguments, name, model, folder, records):
    with tempfile.TemporaryDirectory() as scratch:
        flat = []
        for number, path in enumerate(pictures(folder, arguments.pictures)):
            link = Path(scratch) / f"{number:03}{path.suffix}"
            link.symlink_to(path.resolve())
            flat.append(link)
        for baseline in arguments.baselines:
            maps = Maps(arguments, model, flat, baseline, scratch + "/maps")
            record = {"model": name, "baseline": baseline, "rules": {}, "powers": [],
                      "tolerances": {}}
            for rule in arguments.rules:
                curve = []
                for count in arguments.steps:
                    errors, facts = maps.errors("--steps", count, "--quadrature", rule)
                    curve.append((count, errors))
                if rule == "warped":
                    record["powers"] = [fact["quadrature"] for fact in facts]
                record["rules"][rule] = curve
                print(name, baseline, rule, *(f"{median:.4f}" for _, median in medians(curve)),
                      flush=True)
            for tolerance in arguments.tolerances:
                errors, facts = maps.errors("--tolerance", tolerance)
                record["tolerances"][tolerance] = errors, [fact["steps"] for fact in facts]
                print(name, baseline, tolerance, f"{statistics.median(errors):.4f}", flush=True)
            records.append(record)


def medians(curve):
    return [(count, statistics.median(errors)) for count, errors in curve]


def rule_table(records, steps):
    """The median error of each rule, the best of each model and baseline in bold."""
    lines = ["| model | baseline | rule | " + " | ".join(map(str, steps)) + " |",
             "| --- | --- | --- |" + " ---: |" * len(steps)]
    for record in records:
        curves = {rule: medians(curve) for rule, curve in record["rules"].items()}
        best = min(curves, key=lambda rule: sum(math.log(e) for _, e in curves[rule]))
        for rule, curve in curves.items():
            errors = dict(curve)
            cells = [f"{errors[n]:.4f}" if n in errors else "" for n in steps]
            mark = f"**{rule}**" if rule == best else rule
            head = [record["model"], record["baseline"], mark]
            lines.append("| " + " | ".join(head + cells) + " |")
    return lines


def tolerance_table(records):
    """How far maps to a tolerance are from the reference, and what fixed rules take for that."""
    rivals = ["gauss-legendre", "midpoint", "warped:2"]
    heads = ["model", "baseline", "tolerance", "within", "true error", "pieces", *rivals]
    lines = ["| " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    for record in records:
        for tolerance, (errors, steps) in record["tolerances"].items():
            within = sum(error < float(tolerance) for error in errors)
            cells = [record["model"], record["baseline"], tolerance,
                     f"{within} of {len(errors)}", f"{statistics.median(errors):.4f}",
                     f"{statistics.median(steps):.0f}"]
            for rival in rivals:
                curve = record["rules"].get(rival)
                cells.append(f"{speedup(medians(curve), errors, steps):.1f}" if curve else "")
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def speedup(curve, errors, steps):
    return statistics.median(
        steps_needed(curve, error) / count for error, count in zip(errors, steps))


def power_table(records):
    """What the pilot of `warped` chose, and what it gained on `warped:2`."""
    lines = ["| model | baseline | powers | error beside warped:2 |", "| --- | --- | --- | ---: |"]
    for record in records:
        if not record["powers"] or "warped:2" not in record["rules"]:
            continue
        counts = Counter(power.removeprefix("warped:") for power in record["powers"])
        powers = ", ".join(f"{power} ({count})" for power, count in sorted(counts.items()))
        pairs = zip(record["rules"]["warped"], record["rules"]["warped:2"])
        ratio = statistics.median(
            a / b for (_, ours), (_, fixed) in pairs for a, b in zip(ours, fixed))
        lines.append(f"| {record['model']} | {record['baseline']} | {powers} | {ratio:.2f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / ".build/release/ascribe")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--baselines", nargs="+", default=BASELINES)
    parser.add_argument("--rules", nargs="*", default=RULES)
    parser.add_argument("--steps", nargs="+", type=int, default=STEPS)
    parser.add_argument("--tolerances", nargs="*", type=float, default=TOLERANCES)
    parser.add_argument("--reference", type=int, default=REFERENCE, help="midpoints of the truth")
    parser.add_argument("--preprocess", help="how pictures become numbers, as for ascribe")
    parser.add_argument("--record", help="a JSON file that receives the error of every picture")
    parser.add_argument("--tables", nargs="+", default=[],
                        help="records to make tables of, in place of measuring")
    parser.add_argument("--output", help="a file that receives the tables")
    parser.add_argument("models", nargs="*", metavar="NAME=MODEL=FOLDER", default=[
        f"{name}={ROOT}/models/pairs/{name}.onnx={SHAPES}" for name in ["alexnet", "vgg", "resnet"]])
    arguments = parser.parse_args()
    records = [record for file in arguments.tables for record in json.loads(Path(file).read_text())]
    for item in [] if arguments.tables else arguments.models:
        study(arguments, *item.split("="), records)
        if arguments.record:
            Path(arguments.record).write_text(json.dumps(records, indent=1))
    if arguments.output:
        steps = sorted({n for r in records for curve in r["rules"].values() for n, _ in curve})
        tables = [tolerance_table(records), rule_table(records, steps), power_table(records)]
        Path(arguments.output).write_text("\n\n".join("\n".join(t) for t in tables) + "\n")


if __name__ == "__main__":
    main()
