"""Writes what evaluations found into docs/evaluation.md, and prints it beside the paper.

    ascribe summary RESULTS.sqlite --json > results.json
    python Tests/Reference/publish.py results.json             # several: one table of all
    python Tests/Reference/publish.py results.json --print     # leaves the document alone

What stands between the two marks of the document is replaced.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from maps import ROOT, canonical

sys.path.append(str(ROOT / "Benchmarks"))
from measuring import Failure  # noqa: E402
from publishing import parts  # noqa: E402
from tables import NOTHING, Table  # noqa: E402

RANKED = {"kpm": True, "knm": False, "kam": True, "ram": False}
"""Metrics of the paper; whether more is better."""
PAPER = {
    False: {
        "IG(128)": (7.57, 1.67, 25.22, 11.12),
        "Random": (3.68, 3.68, 14.12, 14.10),
        "Grad": (3.62, 3.88, 20.78, 11.82),
        "EG(1)": (4.92, 2.97, 20.49, 13.76),
    },
    True: {"IG": (7.38, 2.21, 21.79, 11.68), "XG": (7.38, 2.21, 21.83, 11.68)},
}
"""AlexNet and X-AlexNet on ImageNet: KPM, KNM, KAM, RAM."""
OTHER_METRICS = {
    "rpm": ("RPM", "down"),
    "rnm": ("RNM", "up"),
    "insertion": ("insertion", "up"),
    "deletion": ("deletion", "down"),
    "completeness": ("completeness error", "down"),
    "difference": ("difference, %", ""),
    "difference-batch": ("difference in batches, %", ""),
    "pointing": ("pointing, %", "up"),
    "relevance-mass": ("relevance mass", "up"),
    "gini": ("Gini", ""),
    "infidelity": ("infidelity", "down"),
    "max-sensitivity": ("max-sensitivity", "down"),
}
MODEL_METRICS = {"top1": "top-1, %", "top5": "top-5, %", "contrast": "over contrast, %"}
ALEXNET = "alexnet"
FREE = "-x"
"""The end of the names of models without biases."""

Cells = dict[tuple[str, str | None, str], Mapping[str, Any]]


def cells(paths: Iterable[Path]) -> tuple[Cells, int]:
    """All means by model, method and metric; the largest number of pictures."""
    found: Cells = {}
    total = 0
    for path in paths:
        try:
            summary = json.loads(path.read_text())
            total = max(total, summary["samples"]["done"])
            for item in summary["results"]:
                method = item["method"] and canonical(item["method"])
                found[item["model"], method, item["metric"]] = item
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failure(f"{path} is no summary of an evaluation: {error}") from None
    return found, total


def in_paper(method: str, free: bool) -> str | None:
    """What the paper calls a method."""
    kind = method.split(":")[0]
    if free:
        name = {"ig": "IG", "xg": "XG"}.get(kind)
    else:
        names = {"gradient": "Grad", "random": "Random", "expected-gradients": "EG(1)"}
        name = "IG(128)" if method.startswith("ig:128") else names.get(kind)
    return name


def methods_of(found: Cells, model: str) -> list[str]:
    """In the order of the summary, Integrated Gradients first."""
    names = (method for key, method, _ in found if key == model and method is not None)
    return sorted(dict.fromkeys(names), key=lambda name: not name.startswith("ig"))


def title_of(method: str) -> str:
    """A method's name without the settings that it has by itself."""
    return method.removesuffix(":quadrature=warped:2")


def ranks(values: Sequence[float], upward: bool) -> list[int]:
    """What rounding alone tells apart has one rank."""
    scale = 1e-4 * max((abs(v) for v in values), default=0)
    signed = [v if upward else -v for v in values]
    return [1 + sum(other > v + scale for other in signed) for v in signed]


def ranking(found: Cells, model: str) -> Table:
    """The four metrics of the paper with ranks; for AlexNet the paper's figures beside them."""
    free = model.endswith(FREE)
    methods = [m for m in methods_of(found, model) if (model, m, "kpm") in found]
    methods = [m for m in methods if all((model, m, metric) in found for metric in RANKED)]
    beside = model.removesuffix(FREE) == ALEXNET
    columns = []
    for metric, upward in RANKED.items():
        items = [found[model, method, metric] for method in methods]
        places = ranks([item["mean"] for item in items], upward)
        columns.append([f"{figures(item)} ({n})" for item, n in zip(items, places, strict=True)])
    rows = []
    for method, *line in zip(methods, *columns, strict=True):
        paper = PAPER[free].get(in_paper(method, free) or "")
        theirs = [f"{value:.2f}" for value in paper] if paper else [NOTHING] * len(RANKED)
        rows.append((title_of(method), *line, *(theirs if beside else ())))
    headings = [f"{metric.upper()} {arrow(upward)}" for metric, upward in RANKED.items()]
    paper = [f"paper: {metric.upper()}" for metric in RANKED] if beside else []
    notes = [*agreement(found, model, methods)] if beside else []
    title = f"{model}: keeping and removing"
    return Table(title, ("method", *headings, *paper), rows, notes=(*notes,))


def agreement(found: Cells, model: str, methods: Sequence[str]) -> Iterable[str]:
    """How many pairs of methods stand in the paper's order."""
    free = model.endswith(FREE)
    paper: dict[str, tuple[str, tuple[float, ...]]] = {}
    for method in methods:
        name = in_paper(method, free)
        if name in PAPER[free]:
            # Of several quadratures the first one stands for the method.
            paper.setdefault(name, (method, PAPER[free][name]))
    counts = []
    for number, metric in enumerate(RANKED):
        pairs = [
            (
                found[model, a, metric]["mean"] - found[model, b, metric]["mean"],
                p[number] - q[number],
            )
            for (a, p), (b, q) in combinations(paper.values(), 2)
            # What the paper finds equal has no order.
            if abs(p[number] - q[number]) >= 0.05
        ]
        same = sum(ours * theirs > 0 for ours, theirs in pairs)
        if pairs:
            counts.append(f"{metric.upper()} {same} of {len(pairs)}")
    if counts:
        yield f"Pairs of methods in the paper's order: {', '.join(counts)}."


def others(found: Cells, model: str) -> Table | None:
    """The other metrics, a column each where anything was computed."""
    methods = methods_of(found, model)
    metrics = [m for m in OTHER_METRICS if any((model, method, m) in found for method in methods)]
    if not metrics:
        return None
    rows = [
        (title_of(method), *(figures(found.get((model, method, metric))) for metric in metrics))
        for method in methods
    ]
    headings = [
        " ".join(word for word in (name, direction and arrow(direction == "up")) if word)
        for name, direction in (OTHER_METRICS[metric] for metric in metrics)
    ]
    return Table(f"{model}: other metrics", ("method", *headings), rows)


def of_models(found: Cells, models: Sequence[str]) -> Table:
    rows = [
        (model, *(figures(found.get((model, None, metric))) for metric in MODEL_METRICS))
        for model in models
    ]
    return Table("The models", ("model", *MODEL_METRICS.values()), rows)


def arrow(upward: bool) -> str:
    return "↑" if upward else "↓"


def figures(item: Mapping[str, Any] | None) -> str:
    """A mean with its standard error."""
    if item is None:
        return NOTHING
    mean, error = item["mean"], item["standardError"]
    if abs(mean) < 1e-3 and mean:
        return f"{mean:.1e}"
    places = 2 if abs(mean) >= 10 else 3
    return f"{mean:.{places}f} ± {error:.{places}f}" if error else f"{mean:.{places}f}"


def tables(found: Cells) -> list[Table]:
    models = list(dict.fromkeys(model for model, _, _ in found))
    result = [of_models(found, models)]
    for model in models:
        pair = (ranking(found, model), others(found, model))
        result += [table for table in pair if table is not None and table.rows]
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("summaries", type=Path, nargs="+", metavar="JSON")
    parser.add_argument("--document", type=Path, default=ROOT / "docs/evaluation.md")
    parser.add_argument("--print", action="store_true", help="leave the document alone")
    options = parser.parse_args()
    try:
        found, total = cells(options.summaries)
        shown = tables(found)
        print("\n".join(table.text() for table in shown))
        if not options.print:
            before, after = parts(options.document)
            first = f"{total} pictures of models/shapes; means ± standard errors; ranks in ()."
            paragraphs = [first, *(table.markdown() for table in shown)]
            options.document.write_text(before + "\n" + "\n\n".join(paragraphs) + "\n\n" + after)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
