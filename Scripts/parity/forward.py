"""Outputs of exported networks beside onnxruntime's."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import export_torchvision
import networks
import onnxruntime
from ascribe import Ascribe, AscribeError, distance
from report import Row

LIMIT = 1e-5
BATCHES = (1, 3)

FAMILIES = [members[0] for members in export_torchvision.FAMILIES.values()]
OLDER_OPSETS = {
    9: ("alexnet", "squeezenet1_1", "googlenet"),
    11: ("resnet50", "mobilenet_v2", "shufflenet_v2_x1_0"),
    13: ("densenet121", "mobilenet_v3_small", "efficientnet_b0"),
}
QUICK = ("alexnet", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x1_0")


@dataclass(frozen=True)
class Exported:
    """A network as one of the exporters writes it."""

    name: str
    exporter: str
    opset: int

    def __str__(self) -> str:
        return f"{self.name} {self.exporter} {self.opset}"

    def file(self, folder: Path) -> Path:
        """The ONNX file, exported where it is not there yet.

        The export fails if the outputs hardly depend on the input: agreement would prove nothing.
        """
        folder = folder / f"{self.exporter}-{self.opset}"
        path = folder / f"{self.name}.onnx"
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        export = networks.export(
            self.name, exporter=self.exporter, opset=self.opset, transform_input=True
        )
        with contextlib.redirect_stdout(sys.stderr):
            export_torchvision.run(export, folder)
        return path


def exports(quick: bool) -> Iterator[Exported]:
    families = QUICK if quick else FAMILIES
    for name in families:
        yield Exported(name, "torchscript", 17)
        yield Exported(name, "dynamo", 18)
    for opset, names in OLDER_OPSETS.items():
        for name in names:
            if name in families or not quick:
                yield Exported(name, "torchscript", opset)


def rows(ascribe: Ascribe, folder: Path, *, quick: bool) -> Iterator[Row]:
    """One row per network, batch and output."""
    for export in exports(quick):
        try:
            model = export.file(folder)
        except SystemExit as refusal:
            yield Row.failed("forward", str(export), str(refusal))
            continue
        yield from compare(ascribe, export, model)


def compare(ascribe: Ascribe, export: Exported, model: Path) -> Iterator[Row]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs()]
    size = networks.export(export.name).size
    inputs = [networks.pictures(count, size).numpy() for count in BATCHES]
    try:
        results = ascribe.run(model, inputs, names)
    except AscribeError as error:
        yield Row.failed("forward", str(export), str(error))
        return
    for batch, ours in zip(inputs, results, strict=True):
        subject = f"{export} batch {len(batch)}"
        for name, expected in zip(names, session.run(None, {source: batch}), strict=True):
            yield Row("forward", subject, distance(ours[name], expected), LIMIT)
