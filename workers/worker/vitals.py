"""What a worker process weighs, and how it stays light."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

_GIVE_BACK_EVERY_S = 15.0


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def gpu_bytes() -> int:
    """GPU memory that TensorFlow holds now; 0 without a GPU, or before TensorFlow is loaded."""
    tf: Any = sys.modules.get("tensorflow")
    if tf is None or not hasattr(tf, "config") or not tf.config.list_physical_devices("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info("GPU:0")["current"])


class SpareMemory:
    """What was freed and is still held goes back to the system, in idle moments and not too often.

    glibc keeps holes between live blocks; pictures of many sizes leave many of them.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + _GIVE_BACK_EVERY_S
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None

    def give_back(self) -> bool:
        """Give it back if that was not done just now.

        Returns:
            Whether it was tried.
        """
        if self._trim is None or self._clock() < self._next_s:
            return False
        self._next_s = self._clock() + _GIVE_BACK_EVERY_S
        gc.collect()
        self._trim(0)
        return True


def reset_peak() -> None:
    """Let ``peak_bytes`` count from now on; where the system cannot, it counts from the process's start."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    tf: Any = sys.modules.get("tensorflow")
    if gpu_bytes():
        tf.config.experimental.reset_memory_stats("GPU:0")


def peak_bytes() -> int:
    """Most memory that this process has held since ``reset_peak``: resident memory, or the GPU's where there is one."""
    tf: Any = sys.modules.get("tensorflow")
    if gpu_bytes():
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
