"""Calls the program under test."""

from __future__ import annotations

import json
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

    def timed(
        self, model: Path, inputs: Sequence[NDArray], *options: str
    ) -> tuple[list[NDArray], float]:
        """The map of each input, and the seconds that a map took without reading the model."""
        with tempfile.TemporaryDirectory() as folder:
            files = self._write(inputs, Path(folder))
            maps = Path(folder) / "maps"
            formats = ("--output", maps, "--format", "npy,json")
            self._call("attribute", model, *files, *formats, *options)
            facts = [json.loads((maps / f"{file.stem}.json").read_text()) for file in files]
            seconds = sum(fact["seconds"] for fact in facts) / len(facts)
            return [np.load(maps / file.name) for file in files], seconds

    def export(self, model: Path, output: Path, *options: str) -> None:
        """Writes the model that explains itself."""
        self._call("export", model, "--output", output, *options, quiet=False)

    def strip_biases(self, model: Path, output: Path, *options: str) -> None:
        """Writes the bias-free form of a model."""
        self._call("strip-biases", model, "--output", output, *options)

    @staticmethod
    def _write(inputs: Sequence[NDArray], folder: Path) -> list[Path]:
        files = [folder / f"input{index}.npy" for index in range(len(inputs))]
        for file, array in zip(files, inputs, strict=True):
            np.save(file, array)
        return files

    def _call(self, *arguments: str | Path, quiet: bool = True) -> None:
        command = [str(self.program), *map(str, arguments), *(["--quiet"] if quiet else [])]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            reason = next((line for line in lines if line.startswith("Error: ")), lines[-1])
            raise AscribeError(reason.removeprefix("Error: "))


def distance(actual: NDArray, expected: NDArray) -> float:
    """The relative L2 distance; infinite where the shapes differ."""
    if actual.shape != expected.shape:
        return float("inf")
    expected = expected.astype(np.float64)
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))
