"""What a worker process weighs."""

from __future__ import annotations

import sys
from typing import Any

import psutil


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def gpu_bytes() -> int:
    """GPU memory that TensorFlow holds now; 0 without a GPU, or before TensorFlow is loaded."""
    tf: Any = sys.modules.get("tensorflow")
    if tf is None or not hasattr(tf, "config") or not tf.config.list_physical_devices("GPU"):
        return 0
    return int(tf.config.experimental.get_memory_info("GPU:0")["current"])
