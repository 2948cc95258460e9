"""Judges `ascribe evaluate --layer` by a second reading of docs/evaluation.md, on models of tokens.

    python Tests/Reference/tokens.py            # a line per mean; exits with 1 if one differs
    python Tests/Reference/tokens.py --write    # writes Tests/Golden/tokens, for the Swift tests

The models are an embedding, a mixing of places and a classifier with weights of a seeded generator;
`masked` leaves out the places of token 0 behind the layer, so that its scores depend on more than
the layer. `given` leaves out, in the layer and behind it, the places that a second input names: a
mask for each sample, which stays the sample's where a baseline stands in its place. Maps and scores
are PyTorch's in float64, from the layer's value on. A place is a token: maps [places, numbers] are
judged as pictures of `numbers` channels, `places` rows and one column.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import metrics
import numpy as np
import onnx
import torch
from maps import ROOT, midpoints
from metrics import Array
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Tokens = NDArray[np.int64]

LAYER = "embedded"
VOCABULARY, PLACES, NUMBERS, HIDDEN, CLASSES = 16, 12, 6, 10, 4
SAMPLES = 24
KINDS = ("plain", "masked", "given")
METHODS = ("ig:128", "gradient", "input-x-gradient")
NOISY = ("infidelity", "max-sensitivity")
METRICS = ("accuracy", "difference", *metrics.MASKINGS, "insertion", "deletion", "completeness")
RELATIVE, FACTOR = 1e-3, 3.0
"""The largest difference of means: relative to the largest value, and between two draws of noise."""


class Model:
    """Weights, the ONNX file and the same function in PyTorch."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        draw = np.random.default_rng(7)
        shapes = {
            "table": (VOCABULARY, NUMBERS),
            "query": (NUMBERS, NUMBERS),
            "key": (NUMBERS, NUMBERS),
            "first": (NUMBERS, HIDDEN),
            "bias": (HIDDEN,),
            "last": (HIDDEN, CLASSES),
        }
        self.weights = {
            name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
        }
        self._double = {
            name: torch.from_numpy(value).double() for name, value in self.weights.items()
        }

    def write(self, path: Path) -> None:
        is_given = self.kind == "given"
        inputs = ["ids", "mask"] if is_given else ["ids"]
        looked_up = "found" if is_given else LAYER
        nodes = [
            helper.make_node("Gather", ["table", "ids"], [looked_up], name="embedding"),
            helper.make_node("MatMul", [LAYER, "query"], ["queries"]),
            helper.make_node("MatMul", [LAYER, "key"], ["keys"]),
            helper.make_node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["queries", "turned"], ["products"]),
            helper.make_node("Softmax", ["products"], ["attention"], axis=-1),
            helper.make_node("MatMul", ["attention", LAYER], ["mixed"]),
            helper.make_node("MatMul", ["mixed", "first"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["hidden"]),
        ]
        constants = dict(self.weights)
        pooled = "hidden" if self.kind == "plain" else "kept"
        if self.kind == "masked":
            constants |= {"zero": np.array(0, np.int64), "axes": np.array([2], np.int64)}
            nodes += [
                helper.make_node("Equal", ["ids", "zero"], ["empty"]),
                helper.make_node("Not", ["empty"], ["full"]),
                helper.make_node("Cast", ["full"], ["mask"], to=TensorProto.FLOAT),
                helper.make_node("Unsqueeze", ["mask", "axes"], ["column"]),
                helper.make_node("Mul", ["hidden", "column"], ["kept"]),
            ]
        if is_given:
            constants |= {"axes": np.array([2], np.int64)}
            nodes[1:1] = [
                helper.make_node("Cast", ["mask"], ["numbers"], to=TensorProto.FLOAT),
                helper.make_node("Unsqueeze", ["numbers", "axes"], ["column"]),
                helper.make_node("Mul", ["found", "column"], [LAYER]),
            ]
            nodes.append(helper.make_node("Mul", ["hidden", "column"], ["kept"]))
        nodes += [
            helper.make_node("ReduceMean", [pooled], ["pooled"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["pooled", "last"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes,
            "tokens",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", PLACES])
                for name in inputs
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)

    def kept(self, ids: Tokens, mask: Tokens) -> Tokens:
        """The places of a sample that are not left out."""
        if self.kind == "plain":
            return np.ones_like(ids)
        return mask if self.kind == "given" else (ids != 0).astype(np.int64)

    def embedded(self, ids: Tokens, kept: Tokens) -> Array:
        found = self.weights["table"][ids].astype(np.float64)
        return found * kept[:, None] if self.kind == "given" else found

    def scores(self, x: torch.Tensor, kept: Tokens) -> torch.Tensor:
        """Logits of the layer [N, places, numbers] beside the kept places of one sample."""
        weight = self._double
        attention = ((x @ weight["query"]) @ (x @ weight["key"]).transpose(1, 2)).softmax(-1)
        hidden = (attention @ x @ weight["first"] + weight["bias"]).relu()
        hidden = hidden * torch.from_numpy(kept)[None, :, None]
        return hidden.mean(1) @ weight["last"]

    def gradients(self, x: Array, kept: Tokens, target: int) -> Array:
        points = torch.from_numpy(x).requires_grad_()
        return torch.autograd.grad(self.scores(points, kept)[:, target].sum(), points)[0].numpy()

    def map(
        self, method: str, x: Array, baselines: list[Array], kept: Tokens, target: int
    ) -> Array:
        if method.startswith("ig"):
            positions, weights = midpoints(128, 2)
            maps = []
            for start in baselines:
                points = start + positions[:, None, None] * (x - start)
                mean = np.tensordot(weights, self.gradients(points, kept, target), axes=1)
                maps.append((x - start) * mean)
            return np.mean(maps, axis=0)
        gradient = self.gradients(x[None], kept, target)[0]
        return gradient if method == "gradient" else x * gradient


@dataclass(frozen=True)
class Case:
    """One evaluation: a model and the tokens of the baselines."""

    kind: str
    baselines: tuple[int, ...]

    @property
    def name(self) -> str:
        return model_name(self.kind)

    @property
    def inputs(self) -> dict[str, str]:
        return {"mask": "tokens-mask.npy"} if self.kind == "given" else {}

    def options(self, folder: Path) -> str:
        return ",".join(
            "zero" if token == 0 else str(folder / f"tokens-{token}.npy")
            for token in self.baselines
        )


CASES = (
    Case("plain", baselines=(0,)),
    Case("masked", baselines=(3,)),
    Case("plain", baselines=(0, 3)),
    Case("given", baselines=(0, 3)),
)


def model_name(kind: str) -> str:
    return "tokens" if kind == "plain" else f"tokens-{kind}"


Values = dict[tuple[str | None, str], list[float]]


def drawn() -> tuple[Tokens, Tokens]:
    draw = np.random.default_rng(11)
    ids = draw.integers(0, VOCABULARY, (SAMPLES, PLACES))
    return ids, draw.integers(0, CLASSES, SAMPLES)


def masks() -> Tokens:
    """Places of padding at the end of each sample, and one in its middle."""
    draw = np.random.default_rng(13)
    kept = (np.arange(PLACES) < draw.integers(PLACES // 2, PLACES + 1, (SAMPLES, 1))).astype(int)
    kept[np.arange(SAMPLES), draw.integers(0, PLACES // 2, SAMPLES)] = 0
    return kept


def picture(x: Array) -> Array:
    """[places, numbers] as [numbers, places, 1]."""
    return x.T[:, :, None]


def evaluated(case: Case) -> Values:
    """All values of all samples."""
    model, values = Model(case.kind), {}
    computed: dict[str, list[Array]] = {}
    ids, labels = drawn()
    for index, (tokens, mask, label) in enumerate(zip(ids, masks(), labels, strict=True)):
        kept = model.kept(tokens, mask)
        for key, value in of_sample(model, case, tokens, kept, int(label), index, computed):
            values.setdefault(key, []).append(value)
    first = np.stack(computed[METHODS[0]])
    for method in METHODS[1:]:
        batches = metrics.batch_difference(np.stack(computed[method]), first)
        values[method, "difference-batch"] = [float(value) for value in batches]
    return values


def of_sample(
    model: Model,
    case: Case,
    ids: Tokens,
    kept: Tokens,
    target: int,
    index: int,
    computed: dict[str, list[Array]],
) -> Iterator[tuple[tuple[str | None, str], float]]:
    x = model.embedded(ids, kept)
    baselines = [model.embedded(np.full(PLACES, token), kept) for token in case.baselines]

    def scores(pictures: Array) -> Array:
        points = torch.from_numpy(np.ascontiguousarray(pictures[..., 0].transpose(0, 2, 1)))
        return model.scores(points, kept).numpy()

    logits = scores(picture(x)[None])[0]
    for count in (1, 5):
        yield (None, f"top{count}"), metrics.top(logits, target, count)
    starts = [picture(start) for start in baselines]
    start_score = float(np.mean(scores(np.stack(starts))[:, target]))
    for method in METHODS:
        values = model.map(method, x, baselines, kept, target)
        a, shown = picture(values), picture(x)
        computed.setdefault(method, []).append(a)
        if method != METHODS[0]:
            yield (method, "difference"), metrics.difference(a, computed[METHODS[0]][-1])
        for name, masking in metrics.MASKINGS.items():
            curves = [
                metrics.masked_score(scores, shown, a, target, masking, start) for start in starts
            ]
            yield (method, name), float(np.mean([curve.value for curve in curves]))
        for name, curve in (("insertion", metrics.insertion), ("deletion", metrics.deletion)):
            each = [curve(scores, shown, a, target, start).value for start in starts]
            yield (method, name), float(np.mean(each))
        yield (method, "gini"), metrics.gini(a)
        if method != "gradient":
            expected = logits[target] - start_score
            yield (method, "completeness"), float(abs((a.sum() - expected) / expected))
        noise = np.random.default_rng((3, index))
        error = infidelity(scores, shown, a, starts, target, noise, method == "gradient")
        yield (method, "infidelity"), error

        def explain(moved: Array, method: str = method) -> Array:
            return model.map(method, moved, baselines, kept, target)

        yield (method, "max-sensitivity"), metrics.max_sensitivity(explain, x, values, noise)


def infidelity(
    scores: metrics.Scores,
    x: Array,
    a: Array,
    starts: list[Array],
    target: int,
    noise: np.random.Generator,
    in_units_of_gradient: bool,
) -> float:
    """16 times a quarter of the places takes the baseline; several baselines take turns."""
    score = scores(x[None])[0, target]
    errors = []
    for number in range(16):
        start = starts[number % len(starts)]
        taken = noise.uniform(size=(1, PLACES, 1)) < 0.25
        foreseen = (a * (x - start) if in_units_of_gradient else a) * taken
        left = scores(np.where(taken, start, x)[None])[0, target]
        errors.append((foreseen.sum() - (score - left)) ** 2)
    return float(np.mean(errors))


def write_inputs(folder: Path) -> None:
    for kind in KINDS:
        Model(kind).write(folder / f"{model_name(kind)}.onnx")
    ids, labels = drawn()
    np.save(folder / "tokens.npy", ids)
    np.save(folder / "tokens.labels.npy", labels)
    np.save(folder / "tokens-3.npy", np.full((1, PLACES), 3))
    np.save(folder / "tokens-mask.npy", masks())


def write_goldens(folder: Path) -> None:
    write_inputs(folder)
    cases = []
    for case in CASES:
        results = [
            {"method": method, "metric": metric, "values": values}
            for (method, metric), values in evaluated(case).items()
            if metric not in NOISY
        ]
        cases.append(
            {
                "model": f"{case.name}.onnx",
                "inputs": case.inputs,
                "baselines": [
                    "zero" if token == 0 else f"tokens-{token}.npy" for token in case.baselines
                ],
                "results": results,
            }
        )
    text = json.dumps({"layer": LAYER, "methods": METHODS, "cases": cases})
    (folder / "tokens.json").write_text(text + "\n")


def compare(program: Path) -> bool:
    passed = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        for number, case in enumerate(CASES):
            results = folder / f"{number}.sqlite"
            arguments = [
                *("evaluate", folder / f"{case.name}.onnx", "--data", folder / "tokens.npy"),
                *("--layer", LAYER, "--baseline", case.options(folder), "--output", results),
                *("--methods", ",".join(METHODS), "--quiet"),
                *("--metrics", ",".join((*METRICS, "gini", *NOISY))),
            ]
            for name, file in case.inputs.items():
                arguments += ["--input", f"{name}={folder / file}"]
            subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL)
            text = subprocess.check_output([program, "summary", results, "--json"], text=True)
            ours = {
                (item["method"], item["metric"]): item["mean"]
                for item in json.loads(text)["results"]
            }
            for key, values in evaluated(case).items():
                passed = line(case, key, values, ours.get(key, float("nan"))) and passed
    return passed


def line(case: Case, key: tuple[str | None, str], values: list[float], ours: float) -> bool:
    mean = float(np.mean(values))
    if key[1] in NOISY:
        measured, limit = max(ours / mean, mean / ours) if min(ours, mean) > 0 else 1.0, FACTOR
        if max(ours, mean) < 1e-4:
            measured = 1.0
    else:
        scale = float(np.max(np.abs(values)))
        measured, limit = abs(ours - mean) / scale if scale > 0 else abs(ours), RELATIVE
    result = "PASS" if measured <= limit else "FAIL"
    baselines = ",".join(map(str, case.baselines))
    print(
        f"{key[1]:16} {case.name:14} {baselines:4} {key[0] or '-':17} {ours:12.6g} {mean:12.6g} "
        f"{measured:9.1e} {limit:9.1e}  {result}"
    )
    return measured <= limit


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write the Swift tests' files")
    program = os.environ.get("ASCRIBE", ROOT / ".build/release/ascribe")
    parser.add_argument("--ascribe", type=Path, default=Path(program))
    options = parser.parse_args()
    if options.write:
        write_goldens(ROOT / "Tests/Golden/tokens")
        return 0
    return 0 if compare(options.ascribe) else 1


if __name__ == "__main__":
    sys.exit(main())
