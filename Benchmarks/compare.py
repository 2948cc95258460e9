"""Speed and memory of ascribe beside PyTorch, captum and onnxruntime, in one run on one machine.

    python Benchmarks/compare.py                      # everything, 5 rounds
    python Benchmarks/compare.py --quick --only alexnet
    python Benchmarks/compare.py --section ig --section forward
    python Benchmarks/compare.py --publish            # and writes docs/performance.md and .png
    python Benchmarks/compare.py --republish .build/bench/results.json

Sections:

    ig        Integrated Gradients of one picture, beside PyTorch and captum at their best
    forward   a forward pass of 16 pictures, beside onnxruntime
    xg        the X-gradient of the bias-free networks, beside a forward pass of onnxruntime
    pictures  sixteen pictures in one call, beside one
    curve     seconds and memory over the number of steps
    bf16      bfloat16 beside float32
    open      from nothing to the first prediction, beside onnxruntime
    profile   where ascribe's time goes

Programs take turns; figures are medians over rounds. *process* is from start to exit of the
program, *call* what its own clock says of the work without start and loading. Memory is the
kernel's peak resident set of the process. The loop in PyTorch is warmed up and compiled beforehand,
which counts in neither figure. All programs run on OMP_NUM_THREADS threads, without it
on one per core. Writes .build/bench/results.json and chart.png.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contests
import results
import tables
from measuring import ROOT, Failure, say
from programs import Ascribe, Peers
from publishing import parts, publish

DOCUMENT = ROOT / "docs/performance.md"
CHART = ROOT / "docs/performance.png"
VECTORS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")


@dataclass(frozen=True)
class Section:
    """A part of the benchmark: what measures it, and what makes a table of the results."""

    measure: Callable[[contests.Bench, Sequence[str]], list[Any]]
    table: Callable[[Sequence[Any]], tables.Table]


SECTIONS = {
    "ig": Section(contests.integrated_gradients, tables.integrated_gradients),
    "forward": Section(contests.forward, tables.forward),
    "xg": Section(contests.x_gradient, tables.x_gradient),
    "pictures": Section(contests.pictures, tables.pictures),
    "curve": Section(contests.curve, tables.curve),
    "bf16": Section(contests.bfloat16, tables.bfloat16),
    "open": Section(contests.opening, tables.opening),
    "profile": Section(contests.profile, tables.profile),
}


def thread_count() -> int:
    """The threads of every program, which inherit the variable."""
    text = os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    if not text.isdecimal() or int(text) < 1:
        raise Failure(f"OMP_NUM_THREADS is '{text}', which is no number of threads")
    return int(text)


def machine(bench: contests.Bench) -> dict[str, str]:
    """What the figures depend on."""
    info: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        info.setdefault(name.strip(), value.strip())
    flags = info.get("flags", "").split()
    return {
        "processor": info.get("model name", platform.processor()),
        "vectors": next((name for name in VECTORS if name in flags), "unknown"),
        "cores": str(len(os.sched_getaffinity(0))),
        "threads": str(bench.peers.threads),
        "ascribe": bench.ascribe.version,
        **bench.peers.versions(),
    }


def compare(options: argparse.Namespace) -> None:
    """Measures the sections in order, keeps what is found after each, then draws and publishes."""
    if options.publish:
        parts(DOCUMENT)
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    threads = thread_count()
    effort = contests.Effort.quick() if options.quick else contests.Effort(options.rounds)
    ascribe = Ascribe(options.ascribe.resolve(), folder)
    bench = contests.Bench(ascribe, Peers(folder, threads), effort)
    facts = machine(bench)
    print(", ".join(f"{name} {value}" for name, value in facts.items()), flush=True)
    networks = [name for name in tables.NETWORKS if name in (options.only or tables.NETWORKS)]
    say("exporting networks")
    bench.peers.prepare(networks, effort.pictures)
    found: dict[str, list[Any]] = {}
    written: list[tables.Table] = []
    for name, section in SECTIONS.items():
        if name in (options.section or SECTIONS):
            found[name] = section.measure(bench, networks)
            written.append(section.table(found[name]))
            print(written[-1].text(), flush=True)
            (folder / "results.json").write_text(results.text(facts, effort, found) + "\n")
    drawn = bool(found.keys() & {"ig", "curve"})
    if drawn:
        bench.peers.draw(folder / "results.json", folder / "chart.png")
    if options.publish:
        publish(DOCUMENT, results.today(), facts, effort.rounds, written)
    if options.publish and drawn:
        shutil.copyfile(folder / "chart.png", CHART)


def republish(options: argparse.Namespace) -> None:
    """Draws and publishes what an earlier run measured."""
    day, facts, rounds, found = results.read(options.republish)
    written = [SECTIONS[name].table(items) for name, items in found.items()]
    publish(DOCUMENT, day, facts, rounds, written)
    if found.keys() & {"ig", "curve"}:
        Peers(options.output.resolve(), thread_count()).draw(options.republish.resolve(), CHART)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=tables.NETWORKS, action="append", help="repeatable")
    parser.add_argument("--section", choices=SECTIONS, action="append", help="repeatable")
    parser.add_argument("--quick", action="store_true", help="see that it works; few short runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ascribe", type=Path, default=ROOT / ".build/release/ascribe")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/bench", metavar="DIR")
    parser.add_argument(
        "--republish", type=Path, metavar="JSON", help="measure nothing; publish an earlier run"
    )
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md, .png")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.quick and options.publish:
        parser.error("--quick measures nothing worth to --publish")
    return options


def main() -> None:
    options = parsed()
    try:
        if options.republish:
            republish(options)
        else:
            compare(options)
    except Failure as failure:
        raise SystemExit(f"error: {failure}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
