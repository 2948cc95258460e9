"""Compares ascribe with onnxruntime, PyTorch and captum on whole networks.

    python Scripts/parity                          # everything: about an hour on two cores
    python Scripts/parity --quick --only gradient
    python Scripts/parity --zoo DIR                # DIR holds model.onnx and test_data_set_*

The networks are torchvision's classifiers with seeded random weights. Prints a row per comparison,
writes .build/parity/results.json, and exits with 1 if a row fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))

import conversion
import exact
import exported
import forward
import gradients
import methods
import zoo
from ascribe import Ascribe
from report import Report, Row

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ("forward", "gradient", "ig", "strip", "methods", "export")


def rows(options: argparse.Namespace, ascribe: Ascribe) -> Iterator[Row]:
    if options.zoo:
        for folder in options.zoo:
            yield from zoo.rows(ascribe, folder)
        return
    checks = options.only or CHECKS
    if "forward" in checks:
        yield from forward.rows(ascribe, options.output / "exports", quick=options.quick)
    if "gradient" in checks:
        yield from gradients.rows(ascribe, gradients.GRADIENT, quick=options.quick)
    if "ig" in checks:
        yield from gradients.rows(ascribe, gradients.INTEGRATED, quick=options.quick)
        yield from exact.rows(ascribe, quick=options.quick)
    if "strip" in checks:
        yield from conversion.rows(ascribe, quick=options.quick)
    if "methods" in checks:
        yield from methods.rows(ascribe, quick=options.quick)
    if "export" in checks:
        yield from exported.rows(ascribe, quick=options.quick)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=CHECKS, action="append", help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer networks and inputs")
    parser.add_argument("--zoo", type=Path, action="append", metavar="DIR", help="may be repeated")
    parser.add_argument("--ascribe", type=Path, default=ROOT / ".build/release/ascribe")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/parity", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    options.output.mkdir(parents=True, exist_ok=True)
    report = Report()
    for row in rows(options, Ascribe(options.ascribe)):
        report.add(row)
    report.write(options.output / "results.json")
    print(report.summary)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
