"""The tables of the benchmark, for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contests import BATCH, STEPS, TRAINED, Profile
from measuring import Contest, Entrant

NETWORKS = {"alexnet": "AlexNet", "resnet50": "ResNet-50", "vgg16": "VGG16"}
NAMES = NETWORKS | {str(TRAINED): "small ResNet, trained"}
KINDS = ("convolutions", "products", "elementwise", "pooling", "reorders", "other", "overhead")
NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """Cells under headings, the first `words` columns of them text; notes below."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    words: int = 1
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Columns of equal width."""
        lines = [self.headings, *self.rows] if self.rows else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join(
                cell.ljust(width) if number < self.words else cell.rjust(width)
                for number, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join(["", self.title, *aligned, *self.notes])

    def markdown(self) -> str:
        lines = []
        if self.rows:
            rules = ["---" if n < self.words else "---:" for n in range(len(self.headings))]
            lines = [f"| {' | '.join(cells)} |" for cells in (self.headings, rules, *self.rows)]
        paragraphs = [f"### {self.title}", "\n".join(lines), " ".join(self.notes)]
        return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def integrated_gradients(contests: Sequence[Contest]) -> Table:
    rows: list[tuple[str, ...]] = []
    for contest in contests:
        network, entrants = NETWORKS[contest.network], contest.entrants
        ours = [each for each in entrants if each.program.startswith("ascribe")]
        rivals = [each for each in entrants if each not in ours]
        rows += [
            (network if each is entrants[0] else "", *measures(each)) for each in entrants
        ]
        rows += [("", *ratios(own, rival)) for own in ours for rival in rivals]
    failed = [
        f"Left out of the trial on {NETWORKS[contest.network]}: {trial.program}, {trial.setting}"
        f" ({trial.reason})."
        for contest in contests
        for trial in contest.trials
        if trial.seconds is None
    ]
    headings = ("process, s", "call, s", "next call, s", "memory, MB", "map error")
    return Table(
        f"Integrated Gradients of one 224x224 picture, {STEPS} Gauss-Legendre points or as good",
        ("network", "program", *headings),
        rows,
        2,
        (
            f"PyTorch, captum and ascribe's first line sum gradients at {STEPS} points. Mean"
            " gradients are as many as reach the error of captum's map.",
            "A map's error is its relative L2 distance from that of 1,024 mean gradients (256 with"
            " --quick), to which all rules converge.",
            "PyTorch is the fastest of NCHW and channels_last, eager and compiled, and it and captum"
            " run in the batches that were the fastest in a trial.",
            "Process is from start to exit of the program, imports among it; call is what its own"
            " clock says of the work without them; the next call is a second one in the same"
            " process. PyTorch's seconds are without compiling and without a first batch that warms"
            " it up; those of the others have no such allowance.",
            *failed,
        ),
    )


def measures(entrant: Entrant) -> tuple[str, ...]:
    """The cells of a program: name, seconds, memory, map."""
    run = entrant.summary
    error = NOTHING if entrant.error is None else f"{entrant.error:.1e}"
    again = NOTHING if run.again is None else f"{run.again:.2f}"
    seconds = (f"{run.process:.2f}", f"{run.call:.2f}", again)
    return (entrant.name, *seconds, megabytes(run.memory), error)


def ratios(ours: Entrant, rival: Entrant) -> tuple[str, ...]:
    """The cells of a rival's figures in units of ours."""
    a, b = ours.summary, rival.summary
    return (
        f"{rival.program} / {ours.program}",
        times(b.process / a.process),
        times(b.call / a.call),
        times(b.again / a.again) if a.again and b.again else "",
        times(b.memory / a.memory),
        "",
    )


def forward(contests: Sequence[Contest]) -> Table:
    headings = ("network", "ascribe, ms", "onnxruntime, ms", "onnxruntime / ascribe")
    rows = [duel(contest, inverted=False) for contest in contests]
    return Table(f"Forward pass of {BATCH} pictures", headings, rows)


def x_gradient(contests: Sequence[Contest]) -> Table:
    return Table(
        "X-gradient of the bias-free network beside a forward pass of the original, one picture",
        ("network", "ascribe xg, ms", "onnxruntime forward, ms", "ascribe / onnxruntime"),
        [duel(contest, inverted=True) for contest in contests],
        notes=("Aim: less than 2.2 forward passes.",),
    )


def duel(contest: Contest, *, inverted: bool) -> tuple[str, ...]:
    """The cells of two programs' calls and their ratio."""
    ours, theirs = (entrant.summary.call for entrant in contest.entrants)
    ratio = ours / theirs if inverted else theirs / ours
    return (NETWORKS[contest.network], f"{1e3 * ours:.2f}", f"{1e3 * theirs:.2f}", times(ratio))


def pictures(contests: Sequence[Contest]) -> Table:
    rows: list[tuple[str, ...]] = []
    for contest in contests:
        costs = [each.summary.call / each.pictures / contest.steps for each in contest.entrants]
        rows += [
            (
                NETWORKS[contest.network],
                str(entrant.pictures),
                f"{entrant.summary.call:.2f}",
                f"{1e3 * cost:.2f}",
                f"{costs[0] / cost:.3f}",
            )
            for entrant, cost in zip(contest.entrants, costs, strict=True)
        ]
    headings = ("pictures", "call, s", "per picture and step, ms", "throughput")
    return Table(
        f"Several pictures in one call, {STEPS} steps each",
        ("network", *headings),
        rows,
        notes=("Aim: at least 0.95 of the throughput of one picture.", counted(contests)),
    )


def curve(contests: Sequence[Contest]) -> Table:
    rows = [
        (str(contest.steps), *(cell for entrant in paired(contest) for cell in cost(entrant)))
        for contest in contests
    ]
    programs = ("ascribe, s", "ascribe, MB", "captum, s", "captum, MB")
    network = NETWORKS[contests[0].network]
    title = f"Seconds and peak memory over steps, {network}"
    return Table(title, ("steps", *programs), rows, notes=(counted(contests),))


def paired(contest: Contest) -> tuple[Entrant, Entrant | None]:
    """Ours and the rival, which does not run where it takes too long."""
    ours, *rivals = contest.entrants
    return ours, rivals[0] if rivals else None


def cost(entrant: Entrant | None) -> tuple[str, str]:
    if entrant is None:
        return NOTHING, NOTHING
    return f"{entrant.summary.call:.2f}", megabytes(entrant.summary.memory)


def bfloat16(contests: Sequence[Contest]) -> Table:
    rows: list[tuple[str, ...]] = []
    for contest in contests:
        for number, entrant in enumerate(contest.entrants):
            call, single = entrant.summary.call, contest.entrants[0].summary.call
            rows.append(
                (
                    NAMES[contest.network] if number == 0 else "",
                    entrant.setting,
                    f"{call:.2f}",
                    times(single / call) if number else NOTHING,
                    NOTHING if entrant.difference is None else f"{entrant.difference:.2g}",
                )
            )
    headings = ("network", "precision", "call, s", "float32 / it", "map difference")
    notes = (
        "A map's difference is the relative L2 distance from that in float32.",
        *(contest.note for contest in contests if contest.note),
    )
    return Table("ascribe in bfloat16", headings, rows, 2, notes=notes)


def opening(contests: Sequence[Contest]) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            NETWORKS[contest.network] if number == 0 else "",
            entrant.program,
            f"{entrant.summary.process:.2f}",
            f"{entrant.summary.call:.2f}",
            megabytes(entrant.summary.memory),
            f"{entrant.summary.memory / contest.file_size:.2f}",
        )
        for contest in contests
        for number, entrant in enumerate(contest.entrants)
    ]
    headings = ("network", "program", "process, s", "call, s", "memory, MB", "memory / file")
    return Table("Opening a model up to its first prediction", headings, rows, 2)


def profile(profiles: Sequence[Profile]) -> Table:
    rows: list[tuple[str, ...]] = []
    for item in profiles:
        report = item.report
        shares = {kind["name"]: kind["share"] for kind in report.get("kinds", [])}
        rows.append(
            (
                NETWORKS[item.network],
                *(
                    f"{1e3 * report[name] / report['batch']:.2f}"
                    for name in ("forwardSeconds", "gradientSeconds")
                ),
                *(f"{100 * shares[kind]:.1f}" if kind in shares else NOTHING for kind in KINDS),
                *(
                    f"{report[name] / 1e9:.1f}" if name in report else NOTHING
                    for name in ("copyBandwidth", "elementwiseBandwidth")
                ),
            )
        )
    seconds = ("forward, ms", "with gradient, ms")
    bandwidths = ("copying, GB/s", "elementwise, GB/s")
    return Table(
        f"Where the time goes, batch {BATCH}: ms a picture, and per cent of the gradient's time",
        ("network", *seconds, *(f"{kind}, %" for kind in KINDS), *bandwidths),
        rows,
    )


def counted(contests: Sequence[Contest]) -> str:
    """The rounds of sections that have fewer than others."""
    return f"Rounds: {len(contests[0].entrants[0].runs)}."


def megabytes(count: float) -> str:
    return f"{count / 1e6:.0f}"


def times(ratio: float) -> str:
    return f"{ratio:.2f}x"
