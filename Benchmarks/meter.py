"""What one call takes: seconds, and memory as the kernel counts it for this process."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Metered(Generic[Result]):
    """A call: its result, seconds, and the peak resident bytes of the process up to its end."""

    result: Result
    seconds: float
    memory: int


def metered(call: Callable[[], Result]) -> Metered[Result]:
    """Runs a call after memory that nothing uses has gone back to the kernel."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    start = time.monotonic()
    result = call()
    return Metered(result, time.monotonic() - start, status("VmHWM"))


def status(name: str) -> int:
    """A figure of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
