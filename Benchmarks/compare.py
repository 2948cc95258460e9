"""Speed and memory of ascribe beside captum and onnxruntime, in one run on one machine.

    python Benchmarks/compare.py                      # all networks, 5 rounds
    python Benchmarks/compare.py --quick --only alexnet

Integrated Gradients of one 224x224 picture in 128 Gauss-Legendre steps, and opening VGG16 up to the
first prediction. Programs take turns; figures are medians over rounds. *process* is from start to
exit of the program, *call* what its own clock says of the work without start and loading. Peak
memory is the kernel's figure for the process. Writes .build/bench/results.json.

Nothing but the standard library is imported here: a child's peak memory starts from its parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).resolve().with_name("peers.py")
NETWORKS = ("alexnet", "resnet50", "vgg16")
OPENED = "vgg16"
STEPS = 128


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to exit, those of its own clock, peak memory in bytes."""

    process: float
    call: float
    memory: int


@dataclass(frozen=True)
class Contest:
    """The runs of two programs at the same work."""

    work: str
    network: str
    rival: str
    file_size: int
    ours: list[Run]
    theirs: list[Run]

    def lines(self) -> list[str]:
        ours, theirs = Summary.of(self.ours), Summary.of(self.theirs)
        return [
            self._line("ascribe", ours),
            self._line(self.rival, theirs),
            f"{'':18} {'ratio':24} {theirs.process / ours.process:7.2f}x"
            f" {theirs.call / ours.call:7.2f}x {theirs.memory / ours.memory:7.2f}x",
        ]

    def _line(self, program: str, run: Summary) -> str:
        return (
            f"{self.work + ' ' + self.network:18} {program:24} {run.process:7.2f}s"
            f" {run.call:7.2f}s {run.memory / 1e6:6.0f}MB"
            f" {run.memory / self.file_size:6.2f} x file"
        )


@dataclass(frozen=True)
class Summary:
    """Medians."""

    process: float
    call: float
    memory: float

    @classmethod
    def of(cls, runs: list[Run]) -> Summary:
        return cls(
            median(run.process for run in runs),
            median(run.call for run in runs),
            median(run.memory for run in runs),
        )


def measured(command: list[str | Path]) -> tuple[float, int, str]:
    """Seconds, peak memory in bytes and standard output of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: {' '.join(map(str, command))}: exit {process.returncode}")
    return seconds, usage.ru_maxrss * 1024, output


def peer(*arguments: str | Path) -> Run:
    """A run of a Python peer, which prints the seconds of its call."""
    seconds, memory, output = measured([sys.executable, PEERS, *arguments])
    return Run(seconds, float(output), memory)


@dataclass(frozen=True)
class Bench:
    """The program under test and where files go."""

    program: Path
    folder: Path
    rounds: int

    def model(self, network: str) -> Path:
        return self.folder / f"{network}.onnx"

    def attribute(self, network: str) -> Run:
        options = ["--method", "ig", "--steps", STEPS, "--quadrature", "gauss-legendre"]
        seconds, memory, _ = measured(
            [self.program, "attribute", self.model(network), self.folder / "input.npy"]
            + [*map(str, options), "--target", "0", "--format", "npy,json", "--quiet"]
            + ["--output", self.folder / "maps"]
        )
        call = json.loads((self.folder / "maps/input.json").read_text())["seconds"]
        return Run(seconds, call, memory)

    def open(self, network: str) -> Run:
        seconds, memory, _ = measured(
            [self.program, "run", self.model(network), self.folder / "input.npy", "--quiet"]
        )
        return Run(seconds, seconds, memory)

    def contest(
        self,
        work: str,
        network: str,
        rival: str,
        ours: Callable[[], Run],
        theirs: Callable[[], Run],
    ) -> Contest:
        """Both programs in turn, after one round that is not counted."""
        pairs = [(ours(), theirs()) for _ in range(self.rounds + 1)][1:]
        size = self.model(network).stat().st_size
        contest = Contest(work, network, rival, size, [a for a, _ in pairs], [b for _, b in pairs])
        print("\n".join(contest.lines()), flush=True)
        return contest

    def integrated_gradients(self, network: str) -> Contest:
        batch = self.best_batch(network)
        return self.contest(
            "ig",
            network,
            f"captum, batch {batch}",
            lambda: self.attribute(network),
            lambda: peer("captum", self.folder, network, str(STEPS), str(batch)),
        )

    def best_batch(self, network: str) -> int:
        """The number of steps at once with which captum is fastest."""
        seconds = {
            batch: peer("captum", self.folder, network, "32", str(batch)).call
            for batch in (4, 8, 16, 32)
        }
        return min(seconds, key=seconds.__getitem__)

    def opening(self, network: str) -> Contest:
        return self.contest(
            "open",
            network,
            "onnxruntime",
            lambda: self.open(network),
            lambda: peer("onnxruntime", self.folder, network),
        )


def machine() -> dict[str, str]:
    """What the figures depend on."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    _, _, versions = measured([sys.executable, PEERS, "versions"])
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "threads": os.environ.get("OMP_NUM_THREADS", "one per core"),
    } | json.loads(versions)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=[*NETWORKS, "open"], action="append", help="repeatable")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ascribe", type=Path, default=ROOT / ".build/release/ascribe")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/bench", metavar="DIR")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = options.only or [*NETWORKS, "open"]
    bench = Bench(options.ascribe, options.output, 1 if options.quick else options.rounds)
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()), flush=True)
    wanted = {OPENED if name == "open" else name for name in chosen}
    measured([sys.executable, PEERS, "prepare", options.output, *sorted(wanted)])
    print(f"{'':18} {'':24} {'process':>8} {'call':>8} {'memory':>8}")
    contests = [bench.integrated_gradients(name) for name in NETWORKS if name in chosen]
    if "open" in chosen:
        contests.append(bench.opening(OPENED))
    results = {"machine": facts, "contests": [asdict(contest) for contest in contests]}
    (options.output / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
