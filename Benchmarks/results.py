"""What was measured, as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contests import Effort, Profile
from measuring import Contest, Entrant, Failure, Run, Trial


def text(facts: Mapping[str, str], effort: Effort, found: Mapping[str, Any]) -> str:
    """All raw runs as JSON."""
    sections = {name: [asdict(item) for item in items] for name, items in found.items()}
    return json.dumps(
        {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": dict(facts),
            "effort": asdict(effort),
            "sections": sections,
        },
        indent=2,
    )


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def read(path: Path) -> tuple[str, dict[str, str], int, dict[str, list[Any]]]:
    """The day, the machine, the rounds and the sections of an earlier run."""
    try:
        results = json.loads(path.read_text())
        sections = {
            name: [profile(item) if name == "profile" else contest(item) for item in items]
            for name, items in results["sections"].items()
        }
        day = datetime.fromisoformat(results["date"]).date().isoformat()
        return day, results["machine"], results["effort"]["rounds"], sections
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} holds no results of a benchmark: {error}") from None


def profile(item: dict[str, Any]) -> Profile:
    return Profile(**item)


def contest(item: dict[str, Any]) -> Contest:
    entrants = [
        Entrant(**entrant | {"runs": [Run(**run) for run in entrant["runs"]]})
        for entrant in item["entrants"]
    ]
    trials = [Trial(**trial) for trial in item["trials"]]
    return Contest(**item | {"entrants": entrants, "trials": trials})
