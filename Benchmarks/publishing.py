"""Writes the tables into a document, between two lines that mark their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from measuring import Failure
from tables import Table

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def parts(document: Path) -> tuple[str, str]:
    """What stands before and after the figures, marks included."""
    try:
        text = document.read_text()
    except OSError as error:
        raise Failure(f"{document}: {error.strerror}; --publish writes into this file") from None
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not begin or not end:
        raise Failure(f"{document}: --publish needs the lines '{BEGIN}' and '{END}'")
    return before + begin, end + after


def publish(
    document: Path, day: str, facts: Mapping[str, str], rounds: int, tables: Sequence[Table]
) -> None:
    """Replaces what stands between the marks by the day, the facts and the tables."""
    before, after = parts(document)
    machine = ", ".join(f"{name} {value}" for name, value in facts.items())
    first = f"Measured on {day}: {machine}; medians of {rounds} rounds."
    paragraphs = [first, *(table.markdown() for table in tables)]
    document.write_text(before + "\n" + "\n\n".join(paragraphs) + "\n\n" + after)
