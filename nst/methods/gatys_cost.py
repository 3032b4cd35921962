"""What a job will cost, before it starts: seconds and bytes, from the plan and a short measurement."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import tensorflow as tf

from nst.errors import JobError
from nst.extractors import Extractor
from nst.methods.gatys_plan import Scale

# Looking at content, original and styles costs about as much as this many steps, once per scale.
_LOOKS_IN_STEPS = 1.5
_PROBE_SIDES_PX = (96, 224)
_PROBE_STEPS = 3
# Peak bytes of a step over the bytes of all its operations' results: many are overwritten in place. Measured on a CPU.
_STEP_OVER_ACTIVATIONS = 0.8
_IMAGES_BYTES = 40 * 4  # per pixel: image, moments, average, targets, three channels each
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_CGROUP_USED = Path("/sys/fs/cgroup/memory.current")
_USABLE = 0.8  # of what is free


@dataclass(frozen=True)
class Cost:
    """A prediction.

    Attributes:
        seconds: Wall clock, on this machine as busy as it was when the model was fitted.
        memory_bytes: Peak above what the process already holds.
    """

    seconds: float
    memory_bytes: float


@dataclass(frozen=True)
class SpeedModel:
    """Seconds of a step: fixed part plus a part by pixels.

    Attributes:
        fixed_s: Per step.
        per_pixel_s: Per step and pixel.
    """

    fixed_s: float
    per_pixel_s: float

    def step_s(self, pixels: float) -> float:
        """Seconds of a step at a size."""
        return self.fixed_s + self.per_pixel_s * pixels


def fit_speed(step_at: Callable[[int], Callable[[], object]]) -> SpeedModel:
    """Measure steps at two sizes.

    Args:
        step_at: Side in pixels -> a function that does one step on a square of that side.
    """
    (few, fast), (many, slow) = [(side**2, _fastest(step_at(side))) for side in _PROBE_SIDES_PX]
    per_pixel = max((slow - fast) / (many - few), slow / many * 0.1)
    return SpeedModel(max(0.0, slow - per_pixel * many), per_pixel)


def _fastest(step: Callable[[], object]) -> float:
    """The best of a few: what the step costs, not what else the machine did meanwhile."""
    step()
    spent = []
    for _ in range(_PROBE_STEPS):
        start_s = time.perf_counter()
        step()
        spent.append(time.perf_counter() - start_s)
    return min(spent)


def predict(plan: Sequence[Scale], speed: SpeedModel, bytes_per_pixel: float) -> Cost:
    """Cost of a plan.

    Args:
        plan: Sizes and steps.
        speed: From ``fit_speed``.
        bytes_per_pixel: From ``memory_per_pixel``.
    """
    seconds = sum((scale.steps + _LOOKS_IN_STEPS) * speed.step_s(scale.pixels) for scale in plan)
    return Cost(seconds, max(scale.pixels for scale in plan) * bytes_per_pixel)


@functools.cache
def memory_per_pixel(extractor: Extractor) -> float:
    """Peak bytes of a step per pixel of the picture: all activations of the graph, forward and backward."""
    side = 8 * extractor.min_side_px
    traced = tf.function(extractor.features).get_concrete_function(tf.TensorSpec([1, side, side, 3]))
    kept = ("Relu", "Conv2D", "MaxPool", "AvgPool", "MirrorPad", "PadV2", "Pad", "AddV2", "BiasAdd", "ConcatV2")
    values = sum(
        math.prod(operation.outputs[0].shape.as_list())
        for operation in traced.graph.get_operations()
        if operation.type in kept and operation.outputs[0].shape.is_fully_defined()
    )
    return float(_STEP_OVER_ACTIVATIONS * 4.0 * values / side**2 + _IMAGES_BYTES)


def check_memory(plan: Sequence[Scale], bytes_per_pixel: float, available_bytes: float | None = None) -> None:
    """Refuse what does not fit.

    Args:
        plan: Sizes and steps.
        bytes_per_pixel: From ``memory_per_pixel``.
        available_bytes: None asks the machine.

    Raises:
        JobError: ``job_out_of_memory`` with the longest side that would fit.
    """
    free = _USABLE * (free_bytes() if available_bytes is None else available_bytes)
    largest = max(plan, key=lambda scale: scale.pixels)
    if largest.pixels * bytes_per_pixel > free:
        share = math.sqrt(free / (largest.pixels * bytes_per_pixel))
        allowed = math.floor(max(largest.height_px, largest.width_px) * share)
        raise JobError("job_out_of_memory", {"allowed_px": allowed})


def free_bytes() -> float:
    """Memory that this process may still take: the machine's, or its container's if that is less."""
    free = float(psutil.virtual_memory().available)
    try:
        limit, used = _CGROUP_LIMIT.read_text().strip(), int(_CGROUP_USED.read_text())
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, float(limit) - used)
