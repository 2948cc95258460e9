"""All metrics of a model on pictures, as lists of a value for each picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import metrics
import numpy as np
from maps import Network, method
from metrics import Array, Curve
from samples import Sample

Key = tuple[str, str | None, str]
"""Model, method (None for metrics of the model), metric."""

SUMMING = ("ig", "input-x-gradient", "xg")
"""Methods whose maps are in units of the score, so that their sums mean something."""


@dataclass
class Values:
    """What was computed, a value for each picture or batch, and the curves of each picture."""

    values: dict[Key, list[float]] = field(default_factory=dict)
    curves: dict[Key, list[Curve]] = field(default_factory=dict)
    doubts: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, key: Key, value: float | Curve) -> None:
        if isinstance(value, Curve):
            self.curves.setdefault(key, []).append(value)
            self.doubts.setdefault(key, []).append(value.doubt)
            value = value.value
        self.values.setdefault(key, []).append(value)

    def mean(self, key: Key) -> float:
        return float(np.mean(self.values[key]))

    def standard_error(self, key: Key) -> float:
        values = self.values[key]
        return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0

    def doubt(self, key: Key) -> float:
        """How far the mean may be off where close scores fall the other way."""
        return float(np.mean(self.doubts.get(key, [0])))

    def curve(self, key: Key) -> tuple[Array, Array]:
        """Positions, and the mean over pictures at each."""
        curves = self.curves[key]
        return curves[0].positions, np.mean([curve.values for curve in curves], axis=0)


Maps = Callable[[str, Sample], Array]
"""The map of a method and a picture."""


def own_maps(network: Network) -> Maps:
    return lambda name, sample: method(name)(network, sample.x, sample.target)


def evaluate(
    network: Network,
    samples: Sequence[Sample],
    methods: Sequence[str],
    wanted: Sequence[str],
    maps: Maps | None = None,
    values: Values | None = None,
) -> Values:
    """The wanted metrics of each method; the first method is what the others are compared with."""
    values = Values() if values is None else values
    maps = maps or own_maps(network)
    for sample in samples:
        of_model(network, sample, wanted, values)
    first: list[Array] | None = None
    for name in methods:
        computed = [maps(name, sample) for sample in samples]
        if first is None:
            first = computed
        elif "difference" in wanted:
            key = (network.name, name, "difference")
            for a, reference in zip(computed, first, strict=True):
                values.add(key, metrics.difference(a, reference))
            for value in metrics.batch_difference(np.stack(computed), np.stack(first)):
                values.add((network.name, name, "difference-batch"), float(value))
        for index, (a, sample) in enumerate(zip(computed, samples, strict=True)):
            of_map(network, sample, index, name, a, wanted, values)
    return values


def of_model(network: Network, sample: Sample, wanted: Sequence[str], values: Values) -> None:
    if "accuracy" in wanted:
        logits = network.scores(sample.x[None])[0]
        for count in (1, 5):
            key = (network.name, None, f"top{count}")
            values.add(key, metrics.top(logits, sample.target, count))
    if "contrast" in wanted:
        curve = metrics.contrast(network.scores, sample.x, sample.target)
        values.add((network.name, None, "contrast"), curve)


def of_map(
    network: Network,
    sample: Sample,
    index: int,
    name: str,
    a: Array,
    wanted: Sequence[str],
    values: Values,
) -> None:
    scores, x, target, mask = network.scores, sample.x, sample.target, sample.mask
    computed: dict[str, Callable[[], float | Curve]] = {
        metric: lambda masking=masking: metrics.masked_score(scores, x, a, target, masking)
        for metric, masking in metrics.MASKINGS.items()
    }
    computed |= {
        "insertion": lambda: metrics.insertion(scores, x, a, target),
        "deletion": lambda: metrics.deletion(scores, x, a, target),
        "completeness": lambda: metrics.completeness(network.exact_scores, x, a, target),
        "gini": lambda: metrics.gini(a),
        "infidelity": lambda: metrics.infidelity(
            network.exact_scores,
            x,
            a * x if name == "gradient" else a,
            target,
            np.random.default_rng((1, index)),
        ),
        "max-sensitivity": lambda: metrics.max_sensitivity(
            lambda moved: method(name)(network, moved, target),
            x,
            a,
            np.random.default_rng((2, index)),
        ),
    }
    if name.split(":")[0] not in SUMMING:
        del computed["completeness"]
    if mask is not None:
        computed |= {
            "pointing": lambda: metrics.pointing(a, mask),
            "relevance-mass": lambda: metrics.relevance_mass(a, mask),
        }
    for metric in wanted:
        if metric in computed:
            values.add((network.name, name, metric), computed[metric]())
