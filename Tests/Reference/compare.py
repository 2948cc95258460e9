"""Judges `ascribe evaluate` by the reference: the same pictures, methods and metrics.

    python Tests/Reference/compare.py                       # all 200 pictures, the reference kept
    python Tests/Reference/compare.py --pictures 40 --models shapes pairs/vgg
    python Tests/Reference/compare.py --from-maps           # metrics of ascribe's maps, not of ours

The program is $ASCRIBE or .build/release/ascribe. Prints a line per mean and exits with 1 if one
differs by more than is allowed. Writes the program's own summaries, which publish.py takes, and the
reference's values to .build/reference; the latter are used again while nothing that they depend on
changes. The reference of a random map is the program's map; besides, noise of our own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import metrics
import numpy as np
import torch
from maps import ROOT, Network, canonical
from reference import Key, Maps, Values, evaluate
from samples import Sample, names, samples

IMAGES, MASKS = ROOT / "models/shapes/images", ROOT / "models/shapes/masks"
MODELS = (
    "shapes",
    *(f"pairs/{name}{suffix}" for name in ("alexnet", "vgg", "resnet") for suffix in ("", "-x")),
)
FIRST = "ig:128:quadrature=gauss-legendre"
"""What the other maps are compared with."""
RANDOM = "random"
METRICS = (
    *("accuracy", "contrast", "difference", *metrics.MASKINGS, "insertion", "deletion"),
    *("completeness", "pointing", "relevance-mass", "gini"),
)
NOISY_METHODS = ("ig:16:quadrature=gauss-legendre", "gradient")
NOISY_METRICS = ("infidelity", "max-sensitivity")
NOISY_PICTURES = 8

RELATIVE = 1e-3
ROUNDING = 3.0
"""Times what float32 maps of PyTorch change, the most of methods of one kind: rounding flips
signs of ReLU, and a few pixels change places then. With --from-maps there is no such allowance."""
COMPLETENESS = 1e-4
"""Absolute: of an exact method it is rounding alone."""
FACTOR = 3.0
"""Between two samples of noise."""
ERRORS = 4.0
"""Standard errors between what should be equal on average."""
SMALL = 0.01
"""A mean below this share of its metric's scale is judged beside that."""
FULL_SCALES = {
    metric: 100.0 for metric in ("kam", "ram", "difference", "difference-batch", "contrast")
}


@dataclass(frozen=True)
class Group:
    """Models that take the same methods."""

    name: str
    models: list[Path]
    methods: list[str]
    metrics: Sequence[str]
    pictures: list[str]


@dataclass(frozen=True)
class Line:
    """One comparison."""

    key: Key
    ours: float
    reference: float
    measured: float
    limit: float
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.measured <= self.limit

    def __str__(self) -> str:
        model, method, metric = self.key
        figures = f"{self.ours:12.6g} {self.reference:12.6g} {self.measured:9.1e} {self.limit:9.1e}"
        result = "PASS" if self.passed else "FAIL"
        return f"{metric:16} {model:9} {method or '-':33} {figures}  {result}  {self.note}".rstrip()


Summary = dict[Key, dict[str, object]]


@dataclass(frozen=True)
class Ascribe:
    """The program under test."""

    program: Path
    precision: str

    def evaluate(self, group: Group, folder: Path, maps: Path, output: Path) -> Summary:
        """Evaluates the pictures of a group; keeps the summary in a file."""
        data, results = folder / f"{group.name}-data", folder / f"{group.name}.sqlite"
        for name in group.pictures:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(IMAGES / name, data / name)
        masks = ("--masks", MASKS) if "pointing" in group.metrics else ()
        self._call(
            *("evaluate", *group.models, "--data", data, "--output", results, *masks),
            *("--methods", ",".join(group.methods), "--metrics", ",".join(group.metrics)),
            *("--save-maps", maps, "--precision", self.precision, "--strict", "--quiet"),
        )
        text = self._call("summary", results, "--json")
        (output / f"{group.name}.json").write_text(text)
        return {
            (item["model"], item["method"] and canonical(item["method"]), item["metric"]): item
            for item in json.loads(text)["results"]
        }

    def _call(self, *arguments: str | Path) -> str:
        command = [str(self.program), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            reason = result.stderr.strip() or f"exit status {result.returncode}"
            raise SystemExit(f"error: {' '.join(command)}\n{reason}")
        return result.stdout


def saved_maps(network: Network, folder: Path) -> Maps:
    """The maps that the program wrote."""

    def read(method: str, sample: Sample) -> np.ndarray:
        settled = method.replace("warped:2", "warped:power=2.0")
        usual = canonical(method).split(":quadrature")[0]
        for spelling in (settled, canonical(method), usual):
            name = spelling.replace(":", "-").replace("=", "-")
            path = folder / network.name / name / f"{sample.name}.npy"
            if path.exists():
                return np.load(path).astype(np.float64).reshape(sample.x.shape)
        raise SystemExit(f"error: no map of {method} and {sample.name} in {folder}")

    return read


@dataclass(frozen=True)
class Job:
    """The reference's work on one model; maps of the program where a folder is given."""

    model: Path
    methods: list[str]
    metrics: Sequence[str]
    pictures: list[str]
    cache: Path | None = None
    maps: Path | None = None
    single: bool = False


def computed(job: Job) -> Values:
    """The values of one model, from the cache where it holds them."""
    torch.set_num_threads(1)
    path = None if job.cache is None else job.cache / f"{job.model.stem}-{fingerprint(job)}.pickle"
    if path is not None and path.exists():
        return pickle.loads(path.read_bytes())
    network = Network(job.model, single=job.single)
    chosen = samples(job.model, IMAGES, MASKS, job.pictures)
    maps = None if job.maps is None else saved_maps(network, job.maps)
    values = evaluate(network, chosen, job.methods, job.metrics, maps)
    if path is not None:
        path.write_bytes(pickle.dumps(values))
    return values


def fingerprint(job: Job) -> str:
    """Of all that the values depend on."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    sources = [here / f"{name}.py" for name in ("maps", "metrics", "reference", "samples")]
    pictures = [folder / name for name in job.pictures for folder in (IMAGES, MASKS)]
    beside = [job.model.with_suffix(f".{name}") for name in ("preprocess.json", "labels.txt")]
    for path in (*sources, job.model, *beside, *pictures):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(repr((job.methods, list(job.metrics), job.pictures, job.single)).encode())
    return digest.hexdigest()[:16]


def exact_lines(
    model: str,
    methods: Sequence[str],
    summary: Summary,
    values: Values,
    rounded: Values | None = None,
) -> Iterator[Line]:
    """What must agree but for rounding, whose size `rounded` shows."""
    scales = scales_of(values)
    roundings: dict[tuple[str, str], float] = {}
    for key in rounded.values if rounded else ():
        change = abs(rounded.mean(key) - values.mean(key))
        roundings[alike(key)] = max(roundings.get(alike(key), 0), change)
    for key, found in values.values.items():
        if key[0] != model or not (key[1] is None or key[1] in methods):
            continue
        name = key[1] and canonical(key[1])
        reference, item = values.mean(key), summary.get((model, name, key[2]))
        if item is None:
            yield Line(key, np.nan, reference, np.inf, RELATIVE, "missing in the summary")
        elif item["n"] != len(found):
            note = f"n is {item['n']}, not {len(found)}"
            yield Line(key, item["mean"], reference, np.inf, RELATIVE, note)
        else:
            slack = values.doubt(key) + ROUNDING * roundings.get(alike(key), 0)
            yield judged(key, item["mean"], reference, scales[key[2]], slack)


def alike(key: Key) -> tuple[str, str]:
    """The kind of a method without its settings, and the metric."""
    return (key[1] or "").split(":")[0], key[2]


def scales_of(values: Values) -> dict[str, float]:
    """How large the values of a metric are: of its largest method, the mean size of a value."""
    scales = dict(FULL_SCALES)
    for key, found in values.values.items():
        if key[2] not in FULL_SCALES:
            scales[key[2]] = max(scales.get(key[2], 0), float(np.abs(found).mean()))
    return scales


def judged(key: Key, ours: float, reference: float, scale: float, slack: float) -> Line:
    """Relative, with what rounding may change; completeness absolute besides."""
    if key[2] == "completeness":
        limit = COMPLETENESS + RELATIVE * abs(reference)
        return Line(key, ours, reference, abs(ours - reference), limit, "absolute")
    unit = max(abs(reference), SMALL * scale)
    if unit == 0:
        return Line(key, ours, reference, abs(ours), 0)
    note = f"{slack:.1e} for rounding" if slack > RELATIVE * unit else ""
    return Line(key, ours, reference, abs(ours - reference) / unit, RELATIVE + slack / unit, note)


def random_lines(model: str, summary: Summary, own: Values) -> Iterator[Line]:
    """Random maps tell nothing: KPM is KNM, KAM is RAM, whoever draws the noise."""
    for ours, theirs in (("kpm", "knm"), ("kam", "ram")):
        first, second = (summary[model, RANDOM, metric] for metric in (ours, theirs))
        yield within_errors(
            (model, RANDOM, f"{ours} - {theirs}"),
            (first["mean"], first["standardError"]),
            (second["mean"], second["standardError"]),
            f"{ours} beside {theirs}, standard errors",
        )
    for metric in metrics.MASKINGS:
        item, key = summary[model, RANDOM, metric], (model, RANDOM, metric)
        reference = (own.mean(key), own.standard_error(key))
        yield within_errors(
            key, (item["mean"], item["standardError"]), reference, "other noise, standard errors"
        )


def within_errors(
    key: Key, ours: tuple[float, float], reference: tuple[float, float], note: str
) -> Line:
    error = float(np.hypot(ours[1], reference[1]))
    distance = abs(ours[0] - reference[0])
    measured = distance / error if error > 0 else (0.0 if distance == 0 else np.inf)
    return Line(key, ours[0], reference[0], measured, ERRORS, note)


def noisy_lines(summary: Summary, values: Values) -> Iterator[Line]:
    """Other noise than ours: of one size."""
    for key in values.values:
        name = key[1] and canonical(key[1])
        reference, item = values.mean(key), summary.get((key[0], name, key[2]))
        if item is None:
            yield Line(key, np.nan, reference, np.inf, FACTOR, "missing in the summary")
            continue
        ours = item["mean"]
        ratio = max(ours / reference, reference / ours) if ours > 0 else np.inf
        yield Line(key, ours, reference, ratio, FACTOR, "other noise, ratio")


def groups(options: argparse.Namespace) -> list[Group]:
    models = [ROOT / f"models/{name}.onnx" for name in options.models]
    chosen = names(IMAGES, options.pictures)
    result = []
    for name, product, free in (("regular", "input-x-gradient", False), ("x", "xg", True)):
        those = [model for model in models if model.stem.endswith("-x") == free]
        methods = [FIRST, "ig:128:quadrature=warped:2", product, "gradient", RANDOM]
        if those:
            result.append(Group(name, those, methods, METRICS, chosen))
    noisy = names(IMAGES, min(NOISY_PICTURES, len(chosen)))
    result.append(Group("noisy", models, list(NOISY_METHODS), NOISY_METRICS, noisy))
    return result


def jobs_of(group: Group, cache: Path) -> list[Job]:
    return [
        Job(model, group.methods, group.metrics, group.pictures, cache) for model in group.models
    ]


def lines(
    group: Group, options: argparse.Namespace, folder: Path, pool: ProcessPoolExecutor
) -> Iterator[Line]:
    """Runs the program and the reference on a group."""
    maps = folder / f"{group.name}-maps"
    ascribe = Ascribe(options.ascribe, options.precision)
    summary = ascribe.evaluate(group, folder, maps, options.output)
    exact = jobs_of(group, options.output)
    if group.name == "noisy":
        for values in pool.map(computed, exact):
            yield from noisy_lines(summary, values)
        return
    # The first method comes along, being what the difference is to.
    methods = group.methods if options.from_maps else [FIRST, RANDOM]
    theirs = [replace(job, methods=methods, cache=None, maps=maps) for job in exact]
    single = [replace(job, single=options.precision == "float32") for job in exact]
    results = (pool.map(computed, jobs) for jobs in (exact, single, theirs))
    for model, own, rounded, of_maps in zip(group.models, *results, strict=True):
        deterministic = [method for method in group.methods if method != RANDOM]
        sources = (of_maps,) if options.from_maps else (own, rounded)
        yield from exact_lines(model.stem, deterministic, summary, *sources)
        rows = exact_lines(model.stem, [RANDOM], summary, of_maps)
        yield from (row for row in rows if row.key[1] == RANDOM)
        yield from random_lines(model.stem, summary, own)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    program = os.environ.get("ASCRIBE", ROOT / ".build/release/ascribe")
    parser.add_argument("--ascribe", type=Path, default=Path(program))
    parser.add_argument("--pictures", type=int, metavar="N", help="of 200, at equal distances")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="NAME")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--from-maps", action="store_true", help="judge what follows from the maps")
    parser.add_argument("--reference-only", action="store_true", help="fill the cache")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/reference", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    options.output.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(options.jobs) as pool,
        tempfile.TemporaryDirectory() as folder,
    ):
        if options.reference_only:
            jobs = [
                replace(job, single=single)
                for group in groups(options)
                for job in jobs_of(group, options.output)
                for single in ((False,) if group.name == "noisy" else (False, True))
            ]
            for job, _ in zip(jobs, pool.map(computed, jobs), strict=True):
                print(f"computed {job.model.stem}, {len(job.pictures)} pictures", flush=True)
            return 0
        heading = f"{'ascribe':>12} {'reference':>12} {'apart':>9} {'limit':>9}"
        print(f"{'metric':16} {'model':9} {'method':33} {heading}  result")
        found = []
        for group in groups(options):
            for line in lines(group, options, Path(folder), pool):
                found.append(line)
                print(line, flush=True)
    failures = [line for line in found if not line.passed]
    print(f"{len(found) - len(failures)} of {len(found)} comparisons passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
