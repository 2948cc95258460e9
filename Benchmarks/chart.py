"""Draws what compare.py found: call seconds of each program, and seconds and memory over steps.

Run as `python Benchmarks/chart.py RESULTS.json CHART.png`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from tables import NETWORKS

# Three of Okabe and Ito's colours and a grey, which colour-blind eyes tell apart.
COLOURS = {
    "ascribe": "#0072B2",
    "ascribe, mean gradients": "#56B4E9",
    "PyTorch": "#E69F00",
    "captum": "#999999",
}
MARKERS = {"ascribe": "o", "captum": "s"}
INK = "#333333"
STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
Contest = dict[str, Any]


def middle(entrant: dict[str, Any], figure: str) -> float:
    """The median of a figure over an entrant's runs."""
    return float(median(run[figure] for run in entrant["runs"]))


def counted(number: int | str, noun: str) -> str:
    """One thing or several."""
    return f"{number} {noun}" if int(number) == 1 else f"{number} {noun}s"


def entitle(axes: Axes, title: str, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """The title, and under it the legend in one line."""
    axes.set_title(title, loc="left", pad=28)
    axes.legend(
        *(handles, labels),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(labels),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        borderpad=0.2,
        handlelength=1.4,
        columnspacing=1.2,
    )


def draw_calls(axes: Axes, contests: list[Contest]) -> None:
    """Grouped bars, one group a network; at each bar its seconds, and how many times ascribe's."""
    longest = max(middle(each, "call") for contest in contests for each in contest["entrants"])
    height = 0.8 / max(len(contest["entrants"]) for contest in contests)
    for row, contest in enumerate(contests):
        ours = middle(contest["entrants"][0], "call")
        for number, entrant in enumerate(contest["entrants"]):
            seconds = middle(entrant, "call")
            place = row + (number - (len(contest["entrants"]) - 1) / 2) * height
            axes.barh(place, seconds, 0.9 * height, color=COLOURS[entrant["program"]])
            ratio = "" if number == 0 else f"   {seconds / ours:.1f}×"
            axes.annotate(
                f"{seconds:.3g} s{ratio}",
                (seconds, place),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK,
                weight="bold" if number == 0 else "normal",
            )
    axes.set_yticks(range(len(contests)), [NETWORKS[contest["network"]] for contest in contests])
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.22 * longest)
    axes.set_xlabel("call, seconds (less is better; × times ascribe's)")
    title = f"Integrated Gradients, {contests[0]['steps']} points or as accurate"
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    names = list(dict.fromkeys(e["program"] for c in contests for e in c["entrants"]))
    handles = [Patch(color=COLOURS[name]) for name in names]
    labels = ["PyTorch at its best" if name == "PyTorch" else name for name in names]
    entitle(axes, title, handles, labels)


def draw_curve(seconds: Axes, memory: Axes, contests: list[Contest]) -> None:
    """Seconds and peak memory over steps."""
    for axes, figure, unit in ((seconds, "call", 1.0), (memory, "memory", 1e-6)):
        for program, marker in MARKERS.items():
            points = [
                (contest["steps"], unit * middle(entrant, figure))
                for contest in contests
                for entrant in contest["entrants"]
                if entrant["program"] == program
            ]
            axes.plot(
                *zip(*points, strict=True),
                marker=marker,
                markersize=5,
                color=COLOURS[program],
                label=program,
            )
        steps = [contest["steps"] for contest in contests]
        axes.set_xscale("log", base=2)
        axes.set_xticks(steps, [str(count) for count in steps])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(alpha=0.3)
    seconds.set_yscale("log")
    seconds.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    seconds.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    seconds.yaxis.set_minor_locator(NullLocator())
    seconds.set_ylabel("call, seconds")
    seconds.tick_params(labelbottom=False)
    title = f"{NETWORKS[contests[0]['network']]} over steps"
    entitle(seconds, title, *seconds.get_legend_handles_labels())
    memory.set_ylim(0, 1.15 * memory.dataLim.y1)
    memory.set_ylabel("peak memory, MB")
    memory.set_xlabel("steps")


def drawn(results: dict[str, Any]) -> Figure:
    """Bars on the left, curves on the right; one of them alone where the other was not measured."""
    calls, curve = (results["sections"].get(name) for name in ("ig", "curve"))
    figure = Figure(figsize=(11 if calls and curve else 6.5, 4.6), layout="constrained")
    widths = [6, 5] if calls and curve else [1]
    grid = figure.add_gridspec(2, len(widths), width_ratios=widths)
    if calls:
        draw_calls(figure.add_subplot(grid[:, 0]), calls)
    if curve:
        seconds = figure.add_subplot(grid[0, -1])
        draw_curve(seconds, figure.add_subplot(grid[1, -1], sharex=seconds), curve)
    facts = results["machine"]
    versions = ", ".join(f"{name} {facts[name]}" for name in ("ascribe", "torch", "captum"))
    figure.supxlabel(
        f"{facts['processor']}, {counted(facts['threads'], 'thread')}; {versions}; "
        f"medians of {counted(results['effort']['rounds'], 'round')}",
        fontsize=8,
        color="#666666",
    )
    return figure


def main() -> None:
    results, chart = map(Path, sys.argv[1:])
    with rc_context(STYLE):
        drawn(json.loads(results.read_text())).savefig(chart, dpi=150)


if __name__ == "__main__":
    main()
