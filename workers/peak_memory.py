"""The most memory that this process has held during a job."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path
from typing import Any

from workers.vitals import gpu_bytes

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def reset_peak() -> None:
    """Let ``peak_bytes`` count from now on; where the system cannot, it counts from the process's start."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")  # proc(5): resets the peak resident set size
    if gpu_bytes():
        _memory_of_gpu().reset_memory_stats("GPU:0")


def peak_bytes() -> int:
    """Most memory since ``reset_peak``: the GPU's where there is one, else resident memory."""
    if gpu_bytes():
        return int(_memory_of_gpu().get_memory_info("GPU:0")["peak"])
    try:
        status = _STATUS.read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _memory_of_gpu() -> Any:
    return sys.modules["tensorflow"].config.experimental
