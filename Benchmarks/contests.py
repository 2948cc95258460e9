"""The sections of the benchmark: what is measured beside what."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from measuring import ROOT, Contender, Contest, Failure, Trial, fastest, say, take_turns
from programs import Ascribe, Peers, Report, TorchSetting

STEPS = 128
BATCH = 16
COPIES = 5
COUNTS = (8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 192, 256)
"""Of mean gradients, for the error that another rule has."""
FINE = 1024
"""Mean gradients whose error is far below that of all others."""
TRAINED = ROOT / "models/pairs/resnet"
PICTURE = ROOT / "models/shapes/images/star/000.png"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    uncounted: int = 1
    trial_steps: int = 64
    captum_batches: tuple[int, ...] = (4, 8, 16, 32)
    torch_batches: tuple[int, ...] = (8, 16, 32)
    pictures: int = 16
    curve: tuple[int, ...] = (16, 64, 256, 1024)
    captum_limit: int = 256
    fine: int = FINE
    refines: bool = True
    """Whether half and twice the batch that won a trial are tried too."""

    @classmethod
    def quick(cls) -> Effort:
        """Enough to see that everything works; the figures mean little."""
        return cls(1, 0, 16, (16,), (16,), 2, (16, 64), 64, 256, refines=False)

    def near(self, batch: int) -> list[int]:
        """The batches to try beside one that won."""
        sizes = (batch // 2, 2 * batch) if self.refines else ()
        return [size for size in sizes if 0 < size <= self.trial_steps]

    @property
    def few_rounds(self) -> int:
        """For what takes minutes a round."""
        return min(self.rounds, 3)


@dataclass(frozen=True)
class Profile:
    """Where ascribe's time goes, as it says itself."""

    network: str
    report: Report


@dataclass(frozen=True)
class Bench:
    """The programs, the effort, and what trials found so far."""

    ascribe: Ascribe
    peers: Peers
    effort: Effort
    captum_batches: dict[str, tuple[int, list[Trial]]] = field(default_factory=dict)

    def contest(
        self,
        network: str,
        contenders: Sequence[Contender],
        *,
        rounds: int = 0,
        steps: int = 1,
        trials: Sequence[Trial] = (),
        truth: Path | None = None,
    ) -> Contest:
        """Lets them take turns."""
        entrants = take_turns(
            contenders,
            rounds=rounds or self.effort.rounds,
            uncounted=self.effort.uncounted,
            distance=self.peers.distance,
            truth=truth,
        )
        size = (self.ascribe.folder / f"{network}.onnx").stat().st_size
        return Contest(network, entrants, steps, size, list(trials))

    def captum_batch(self, network: str) -> tuple[int, list[Trial]]:
        """The number of steps at once with which captum is fastest."""
        if network not in self.captum_batches:
            self.captum_batches[network] = fastest(
                self.effort.captum_batches,
                lambda batch: self.peers.captum(network, self.effort.trial_steps, batch),
                self.effort.near,
            )
        return self.captum_batches[network]

    def torch_setting(self, network: str) -> tuple[TorchSetting, list[Trial]]:
        """The configuration with which the loop in PyTorch is fastest."""
        choices = product(
            ("contiguous", "channels_last"), ("eager", "compiled"), self.effort.torch_batches
        )
        return fastest(
            [TorchSetting(*choice) for choice in choices],
            lambda setting: self.peers.torch(network, self.effort.trial_steps, setting),
            lambda best: [replace(best, batch=batch) for batch in self.effort.near(best.batch)],
        )

    def as_accurate(self, network: str, other: Contender) -> tuple[list[Contender], Path]:
        """The fewest mean gradients whose map is as near to the truth as another program's, none
        where more than are tried would do; and the map that stands for the truth."""

        def means(count: int, *, again: bool = False) -> Contender:
            return self.ascribe.integrated_gradients(
                network, count, rule="secant", setting=str(count), again=again
            )

        def error(contender: Contender) -> float:
            contender.run()
            assert contender.map and truth.map
            return self.peers.distance(contender.map, truth.map)

        truth = means(self.effort.fine)
        truth.run()
        wanted = error(other)
        place = bisect_left(COUNTS, True, key=lambda count: error(means(count)) <= wanted)
        assert truth.map
        if place == len(COUNTS):
            say(f"error of {other.program} {wanted:.2g}, not reached by {COUNTS[-1]} mean gradients")
            return [], truth.map
        say(f"error of {other.program} {wanted:.2g}, reached by {COUNTS[place]} mean gradients")
        return [means(COUNTS[place], again=True)], truth.map


def chosen(networks: Sequence[str], preferred: str) -> str:
    """The network of a section that measures one: the preferred, else the first asked for."""
    return preferred if preferred in networks else networks[0]


def integrated_gradients(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """One picture, beside the loop in PyTorch and captum at their best."""
    contests = []
    for network in networks:
        say(f"ig {network}")
        setting, torch_trials = bench.torch_setting(network)
        batch, captum_trials = bench.captum_batch(network)
        captum = bench.peers.captum(network, STEPS, batch, again=True)
        means, truth = bench.as_accurate(network, captum)
        contenders = [
            bench.ascribe.integrated_gradients(
                network, STEPS, setting=f"{STEPS} points", again=True
            ),
            *means,
            bench.peers.torch(network, STEPS, setting, again=True),
            captum,
        ]
        trials = torch_trials + captum_trials
        contests.append(
            bench.contest(network, contenders, steps=STEPS, trials=trials, truth=truth)
        )
    return contests


def forward(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """A forward pass of a batch, beside onnxruntime."""
    contests = []
    for network in networks:
        say(f"forward {network}")
        programs = (bench.ascribe, bench.peers)
        contests.append(bench.contest(network, [each.forward(network, BATCH) for each in programs]))
    return contests


def x_gradient(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """The X-gradient of the bias-free form, beside a forward pass of the original."""
    copies = bench.ascribe.copies(COPIES)
    contests = []
    for network in networks:
        say(f"xg {network}")
        bare = f"{network}-bare"
        bench.ascribe.strip_biases(network, bare)
        contenders = [bench.ascribe.x_gradient(bare, copies), bench.peers.forward(network, 1)]
        contests.append(bench.contest(network, contenders))
    return contests


def pictures(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """Several pictures in one call, beside one."""
    network, count = chosen(networks, "resnet50"), bench.effort.pictures
    say(f"pictures {network}")
    contenders = [
        bench.ascribe.integrated_gradients(network, STEPS, setting="1 picture"),
        bench.ascribe.integrated_gradients(
            network, STEPS, input="pictures.npy", pictures=count, setting=f"{count} pictures"
        ),
    ]
    return [bench.contest(network, contenders, rounds=bench.effort.few_rounds, steps=STEPS)]


def curve(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """Seconds and memory over the number of steps."""
    network = chosen(networks, "resnet50")
    say(f"curve {network}")
    batch, trials = bench.captum_batch(network)
    contests = []
    for steps in bench.effort.curve:
        say(f"{steps} steps")
        contenders = [bench.ascribe.integrated_gradients(network, steps)]
        if steps <= bench.effort.captum_limit:
            contenders.append(bench.peers.captum(network, steps, batch))
        rounds = bench.effort.few_rounds
        contests.append(
            bench.contest(network, contenders, rounds=rounds, steps=steps, trials=trials)
        )
    return contests


def bfloat16(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """bfloat16 beside float32, both of ascribe; the maps also of a small trained network."""
    network = chosen(networks, "resnet50")
    say(f"bf16 {network}")
    if not bench.ascribe.has_bfloat16:
        return [Contest(network, [], note="This version of ascribe has no bfloat16.")]
    try:
        bench.ascribe.integrated_gradients(network, 1, precision="bf16").run()
    except Failure as failure:
        return [Contest(network, [], note=f"Not available on this processor: {failure}.")]
    contests = []
    for name, input in ((network, "input.npy"), (str(TRAINED), str(PICTURE))):
        contenders = [
            bench.ascribe.integrated_gradients(
                name, STEPS, input=input, precision=precision, setting=precision
            )
            for precision in ("float32", "bf16", "bf16-gradients")
        ]
        contests.append(bench.contest(name, contenders, steps=STEPS))
    return contests


def opening(bench: Bench, networks: Sequence[str]) -> list[Contest]:
    """From nothing to the first prediction, beside onnxruntime."""
    network = chosen(networks, "vgg16")
    say(f"open {network}")
    return [bench.contest(network, [bench.ascribe.opening(network), bench.peers.opening(network)])]


def profile(bench: Bench, networks: Sequence[str]) -> list[Profile]:
    """Where the time goes."""
    say("profile")
    return [Profile(network, bench.ascribe.bench(network, BATCH)[1]) for network in networks]
