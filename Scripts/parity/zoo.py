"""Models that come with test data, as those of the ONNX model zoo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from ascribe import Ascribe, AscribeError
from numpy.typing import NDArray
from onnx import numpy_helper
from report import Row

RELATIVE = 1e-3
ABSOLUTE = 1e-7


def rows(ascribe: Ascribe, folder: Path) -> Iterator[Row]:
    """One row per data set: the largest difference in units of the tolerance of ONNX's runner."""
    model = folder / "model.onnx"
    names = [output.name for output in onnx.load(model, load_external_data=False).graph.output]
    for data in sorted(folder.glob("test_data_set_*")):
        subject = f"{folder.name} {data.name}"
        try:
            (ours,) = ascribe.run(model, [tensor(data / "input_0.pb")], names)
        except AscribeError as error:
            yield Row.failed("zoo", subject, str(error))
            continue
        excess = max(
            units(ours[name], tensor(data / f"output_{index}.pb"))
            for index, name in enumerate(names)
        )
        yield Row("zoo", subject, excess, 1)


def tensor(path: Path) -> NDArray:
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def units(actual: NDArray, expected: NDArray) -> float:
    """The largest difference, in units of what is allowed."""
    if actual.shape != expected.shape:
        return float("inf")
    allowed = ABSOLUTE + RELATIVE * np.abs(expected.astype(np.float64))
    return float(np.max(np.abs(actual.astype(np.float64) - expected) / allowed))
