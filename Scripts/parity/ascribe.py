"""Calls the program under test."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class AscribeError(Exception):
    """The program refused; the message is its own."""


@dataclass(frozen=True)
class Ascribe:
    """The `ascribe` program."""

    program: Path

    def run(
        self, model: Path, inputs: Sequence[NDArray], outputs: Sequence[str]
    ) -> list[dict[str, NDArray]]:
        """The named outputs for each input, each input a batch of its own."""
        with tempfile.TemporaryDirectory() as folder:
            files = self._write(inputs, Path(folder))
            self._call("run", model, *files, "--output", folder)
            return [
                {
                    name: np.load(file.with_name(f"{file.stem}.{name.replace('/', '_')}.npy"))
                    for name in outputs
                }
                for file in files
            ]

    def attribute(self, model: Path, inputs: Sequence[NDArray], *options: str) -> list[NDArray]:
        """The map of each input, each input a batch of its own."""
        with tempfile.TemporaryDirectory() as folder:
            files = self._write(inputs, Path(folder))
            maps = Path(folder) / "maps"
            self._call(
                "attribute", model, *files, "--output", maps, "--format", "npy", *options
            )
            return [np.load(maps / file.name) for file in files]

    def strip_biases(self, model: Path, output: Path, *options: str) -> None:
        """Writes the bias-free form of a model."""
        self._call("strip-biases", model, "--output", output, *options)

    @staticmethod
    def _write(inputs: Sequence[NDArray], folder: Path) -> list[Path]:
        files = [folder / f"input{index}.npy" for index in range(len(inputs))]
        for file, array in zip(files, inputs, strict=True):
            np.save(file, array)
        return files

    def _call(self, *arguments: str | Path) -> None:
        command = [str(self.program), *map(str, arguments), "--quiet"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise AscribeError(lines[-1])


def distance(actual: NDArray, expected: NDArray) -> float:
    """The relative L2 distance; infinite where the shapes differ."""
    if actual.shape != expected.shape:
        return float("inf")
    expected = expected.astype(np.float64)
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))
