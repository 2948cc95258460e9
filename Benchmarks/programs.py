"""How ascribe and the programs beside it are called."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from measuring import Contender, Finished, Run, measured

PEERS = Path(__file__).resolve().with_name("peers.py")
Report = dict[str, Any]


@dataclass(frozen=True)
class TorchSetting:
    """How PyTorch runs a network: memory layout, eager or compiled, points at once."""

    layout: str
    mode: str
    batch: int

    def __str__(self) -> str:
        layout = "NCHW" if self.layout == "contiguous" else self.layout
        return f"{layout}, {self.mode}, batch {self.batch}"


@dataclass(frozen=True)
class Ascribe:
    """The program under test; `folder` holds the networks and inputs and receives the maps."""

    program: Path
    folder: Path

    @property
    def version(self) -> str:
        return measured(self.program, "--version").output.strip()

    @property
    def has_bfloat16(self) -> bool:
        return "bf16" in measured(self.program, "attribute", "--help").output

    def attribute(
        self, model: str, inputs: list[str], maps: str, *options: str | int
    ) -> tuple[Finished, list[Report]]:
        """The process and the facts of each explanation; target 0, from zero."""
        finished = measured(
            *(self.program, "attribute", self.folder / f"{model}.onnx"),
            *(self.folder / name for name in inputs),
            *("--target", 0, "--format", "npy,json", "--output", self.folder / "maps" / maps),
            *("--quiet", "--json", *options),
        )
        return finished, json.loads(finished.output)

    def integrated_gradients(
        self,
        network: str,
        steps: int,
        *,
        input: str = "input.npy",
        pictures: int = 1,
        precision: str = "float32",
        rule: str = "gauss-legendre",
        setting: str = "",
        again: bool = False,
    ) -> Contender:
        """All pictures of one file in one call, which may be repeated; the rule `secant` is that of
        mean gradients."""
        maps = f"ascribe-{precision}-{rule}-{steps}"
        program = "ascribe, mean gradients" if rule == "secant" else "ascribe"

        def run() -> Run:
            options = ("--steps", steps, "--quadrature", rule)
            inputs = [input, self.copies(1)[0]] if again else [input]
            finished, reports = self.attribute(
                network, inputs, maps, "--method", "ig", "--precision", precision, *options
            )
            second = reports.pop()["seconds"] if again else None
            seconds = sum(report["seconds"] for report in reports)
            process = finished.seconds - (second or 0)
            return Run(process, seconds, finished.memory, second)

        path = self.folder / "maps" / maps / Path(input).with_suffix(".npy").name
        return Contender(program, setting, run, path if pictures == 1 else None, pictures)

    def copies(self, count: int) -> list[str]:
        """The names of copies of the input."""
        names = [f"copy{number}.npy" for number in range(count)]
        for name in names:
            shutil.copyfile(self.folder / "input.npy", self.folder / name)
        return names

    def x_gradient(self, model: str, inputs: list[str]) -> Contender:
        """The median over all inputs but the first, which pays for the plan of the network."""

        def run() -> Run:
            finished, reports = self.attribute(model, inputs, "ascribe-xg", "--method", "xg")
            seconds = median(report["seconds"] for report in reports[1:])
            return Run(finished.seconds, seconds, finished.memory)

        return Contender("ascribe", "xg", run)

    def strip_biases(self, network: str, output: str) -> None:
        """Writes the bias-free form, which must be homogeneous."""
        source, target = (self.folder / f"{name}.onnx" for name in (network, output))
        measured(self.program, "strip-biases", source, "--output", target, "--strict", "--quiet")

    def bench(self, network: str, batch: int) -> tuple[Finished, Report]:
        """The process and what it says: seconds of forward pass and gradient, and of what in it."""
        model = self.folder / f"{network}.onnx"
        finished = measured(self.program, "bench", model, "--batch", batch, "--json")
        return finished, json.loads(finished.output)

    def forward(self, network: str, batch: int) -> Contender:
        """A forward pass; its process computes gradients too."""

        def run() -> Run:
            finished, report = self.bench(network, batch)
            return Run(finished.seconds, report["forwardSeconds"], finished.memory)

        return Contender("ascribe", f"batch {batch}", run)

    def opening(self, network: str) -> Contender:
        """From the start of the process to the first prediction."""

        def run() -> Run:
            model, picture = self.folder / f"{network}.onnx", self.folder / "input.npy"
            finished = measured(self.program, "run", model, picture, "--quiet")
            return Run(finished.seconds, finished.seconds, finished.memory)

        return Contender("ascribe", "", run)


@dataclass(frozen=True)
class Peers:
    """The Python programs, each run in a process of its own; seconds of warming up do not count."""

    folder: Path
    threads: int

    def prepare(self, networks: list[str], pictures: int) -> None:
        """Exports what is missing."""
        self._call("prepare", self.folder, pictures, *networks)

    def versions(self) -> dict[str, str]:
        versions: dict[str, str] = json.loads(self._call("versions").output)
        return versions

    def distance(self, actual: Path, expected: Path) -> float:
        """The relative L2 distance of two maps."""
        return float(self._call("distance", actual, expected).output)

    def draw(self, results: Path, chart: Path) -> None:
        measured(sys.executable, PEERS.with_name("chart.py"), results, chart)

    def captum(
        self, network: str, steps: int, batch: int, *, again: bool = False
    ) -> Contender:
        """captum's Integrated Gradients."""
        path = self.folder / "maps/captum.npy"
        return Contender(
            "captum",
            f"batch {batch}",
            lambda: self._run("captum", self.folder, network, steps, batch, path, int(again)),
            path,
        )

    def torch(
        self, network: str, steps: int, setting: TorchSetting, *, again: bool = False
    ) -> Contender:
        """Integrated Gradients written by hand in PyTorch."""
        path = self.folder / "maps/torch.npy"
        options = (setting.layout, setting.mode, setting.batch)
        return Contender(
            "PyTorch",
            str(setting),
            lambda: self._run("torch", self.folder, network, steps, *options, path, int(again)),
            path,
        )

    def forward(self, network: str, batch: int) -> Contender:
        """A forward pass of a warm session of onnxruntime."""
        return Contender(
            "onnxruntime",
            f"batch {batch}",
            lambda: self._run("forward", self.folder, network, batch, self.threads),
        )

    def opening(self, network: str) -> Contender:
        """From opening the file to the first prediction; the imports of Python are not counted."""
        return Contender(
            "onnxruntime", "", lambda: self._run("open", self.folder, network, self.threads)
        )

    def _run(self, *arguments: str | Path | int) -> Run:
        finished = self._call(*arguments)
        said = json.loads(finished.output)
        again = said.get("again")
        seconds = finished.seconds - said.get("warming", 0) - (again or 0)
        return Run(seconds, said["seconds"], said["memory"], again)

    def _call(self, *arguments: str | Path | int) -> Finished:
        return measured(sys.executable, PEERS, *arguments)
