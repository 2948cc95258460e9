"""The table that the comparisons fill."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

PEERS = ("torch", "torchvision", "captum", "onnxruntime", "onnx", "numpy")


@dataclass(frozen=True)
class Row:
    """One comparison: passed if what was measured does not exceed its limit."""

    check: str
    subject: str
    measured: float
    limit: float
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.measured <= self.limit

    @classmethod
    def failed(cls, check: str, subject: str, reason: str) -> Row:
        """A comparison that could not be made."""
        return cls(check, subject, float("inf"), 0, reason)


@dataclass
class Report:
    """Rows, printed as they come."""

    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(", ".join(f"{name} {version(name)}" for name in PEERS))
        print(f"{'check':38} {'subject':38} {'measured':>9} {'limit':>9}  result")

    def add(self, row: Row) -> None:
        self.rows.append(row)
        result = "pass" if row.passed else "FAIL"
        figures = f"{row.measured:9.2e} {row.limit:9.2e}"
        line = f"{row.check:38} {row.subject:38} {figures}  {result}  {row.note}"
        print(line.rstrip(), flush=True)

    @property
    def failures(self) -> list[Row]:
        return [row for row in self.rows if not row.passed]

    @property
    def summary(self) -> str:
        return f"{len(self.rows) - len(self.failures)} of {len(self.rows)} comparisons passed"

    def write(self, path: Path) -> None:
        content = {
            "machine": platform.platform(),
            "versions": {name: version(name) for name in PEERS},
            "rows": [
                {key: _finite(value) for key, value in asdict(row).items()} | {"passed": row.passed}
                for row in self.rows
            ],
        }
        path.write_text(json.dumps(content, indent=2) + "\n")


def _finite(value: object) -> object:
    """JSON knows neither infinity nor NaN."""
    is_finite = not isinstance(value, float) or abs(value) < float("inf")
    return value if is_finite else None
