"""Runs commands and measures them; contenders at the same work take turns.

Nothing but the standard library is imported here and in what compare.py imports: the peak memory of
a child starts from its parent's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
Setting = TypeVar("Setting")


class Failure(Exception):
    """A command failed or something is missing; the message is one line."""


@dataclass(frozen=True)
class Finished:
    """A command that succeeded: seconds from start to exit, peak memory in bytes, its output."""

    seconds: float
    memory: int
    output: str


@dataclass(frozen=True)
class Run:
    """One process.

    Seconds from start to exit and of its own clock, and peak resident bytes. Where the call is
    repeated, seconds of the second one, which those of the process leave out.
    """

    process: float
    call: float
    memory: int
    again: float | None = None


@dataclass(frozen=True)
class Contender:
    """A program with its setting, what runs it once, and the file that receives its map."""

    program: str
    setting: str
    run: Callable[[], Run]
    map: Path | None = None
    pictures: int = 1


@dataclass(frozen=True)
class Entrant:
    """What a contender did: all counted runs; how far its map is from the first contender's, and
    from one that is as good as exact."""

    program: str
    setting: str
    pictures: int
    runs: list[Run]
    difference: float | None = None
    error: float | None = None

    @property
    def name(self) -> str:
        return f"{self.program}, {self.setting}" if self.setting else self.program

    @property
    def summary(self) -> Run:
        """Medians."""
        again = [run.again for run in self.runs if run.again is not None]
        return Run(
            median(run.process for run in self.runs),
            median(run.call for run in self.runs),
            int(median(run.memory for run in self.runs)),
            median(again) if again else None,
        )


@dataclass(frozen=True)
class Trial:
    """A short run that decides on a setting; without seconds it failed, for the reason given."""

    program: str
    setting: str
    seconds: float | None
    reason: str = ""


@dataclass(frozen=True)
class Contest:
    """Programs at the same work on one network, the first of them ascribe; or why there is none."""

    network: str
    entrants: list[Entrant]
    steps: int = 1
    file_size: int = 0
    trials: list[Trial] = field(default_factory=list)
    note: str = ""


def say(line: str) -> None:
    """Progress, beside the tables."""
    print(f"  {line}", file=sys.stderr, flush=True)


def measured(*command: str | Path | int) -> Finished:
    """A command that must succeed; what it says on standard error is kept for a failure."""
    words = [str(word) for word in command]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT
            )
        except OSError as error:
            raise Failure(f"{words[0]}: {error.strerror}") from None
        assert process.stdout
        with process.stdout:
            output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise Failure(reason(errors.read(), process.returncode))
    return Finished(seconds, usage.ru_maxrss * 1024, output)


def reason(text: str, code: int) -> str:
    """The line of standard error that names the error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.lower().startswith("error: ")]
    if named:
        return named[0][len("error: ") :]
    return lines[-1] if lines else f"a program ended with exit status {code}"


def take_turns(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    uncounted: int,
    distance: Callable[[Path, Path], float],
    truth: Path | None = None,
) -> list[Entrant]:
    """All contenders in turn, round by round, after rounds that are not counted.

    `truth` is a map that their errors are measured by.
    """
    runs: list[list[Run]] = [[] for _ in contenders]
    for number in range(rounds + uncounted):
        for contender, own in zip(contenders, runs, strict=True):
            own.append(contender.run())
        calls = ", ".join(f"{own[-1].call:.3g} s" for own in runs)
        say(f"round {number + 1} of {rounds + uncounted}: {calls}")
    entrants = [
        Entrant(contender.program, contender.setting, contender.pictures, own[uncounted:])
        for contender, own in zip(contenders, runs, strict=True)
    ]
    reference = contenders[0].map
    return [
        replace(
            entrant,
            difference=distance(contender.map, reference)
            if contender.map and reference and contender is not contenders[0]
            else None,
            error=distance(contender.map, truth) if contender.map and truth else None,
        )
        for contender, entrant in zip(contenders, entrants, strict=True)
    ]


def fastest(
    settings: Sequence[Setting],
    contender: Callable[[Setting], Contender],
    neighbours: Callable[[Setting], Sequence[Setting]],
) -> tuple[Setting, list[Trial]]:
    """The setting whose call is shortest in one run, none of its neighbours being faster; settings
    that fail are noted and left out."""
    trials: dict[Setting, Trial] = {}
    waiting = list(settings)
    while waiting:
        trials |= {setting: tried(contender(setting)) for setting in waiting}
        seconds = {
            setting: trial.seconds
            for setting, trial in trials.items()
            if trial.seconds is not None
        }
        if not seconds:
            first = trials[settings[0]]
            raise Failure(f"{first.program} fails in every setting: {first.reason}")
        best = min(seconds, key=seconds.__getitem__)
        waiting = [setting for setting in neighbours(best) if setting not in trials]
    return best, list(trials.values())


def tried(candidate: Contender) -> Trial:
    """One run of a candidate."""
    try:
        trial = Trial(candidate.program, candidate.setting, candidate.run().call)
        say(f"trial of {candidate.program}, {candidate.setting}: {trial.seconds:.3g} s")
    except Failure as failure:
        trial = Trial(candidate.program, candidate.setting, None, str(failure))
        say(f"trial of {candidate.program}, {candidate.setting}: {failure}")
    return trial
