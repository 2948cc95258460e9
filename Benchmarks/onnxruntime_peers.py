"""Forward passes in onnxruntime."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from meter import Metered, metered

SIZE = 224
UNCOUNTED = 2
RUNS = 9


def forward(folder: Path, name: str, batch: int, threads: int) -> Metered[None]:
    """Passes of a warm session; the seconds are their median."""
    session = opened(folder / f"{name}.onnx", threads)
    shape = (batch, 3, SIZE, SIZE)
    points = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    seconds: list[float] = []

    def passes() -> None:
        for _ in range(UNCOUNTED + RUNS):
            start = time.monotonic()
            predict(session, points)
            seconds.append(time.monotonic() - start)

    return replace(metered(passes), seconds=median(seconds[UNCOUNTED:]))


def first_prediction(folder: Path, name: str, threads: int) -> Metered[None]:
    """From opening the file on; the import is not counted."""
    picture = np.load(folder / "input.npy")
    return metered(lambda: predict(opened(folder / f"{name}.onnx", threads), picture))


def opened(model: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session on as many threads as the other programs use."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def predict(session: onnxruntime.InferenceSession, points: np.ndarray) -> None:
    """One pass; nobody reads the scores."""
    session.run(None, {session.get_inputs()[0].name: points})
