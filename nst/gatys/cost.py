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
from nst.extractors.load import Extractor
from nst.gatys.plan import Scale

# Looking at content, original and styles costs about as much as this many steps, once per scale; moving colours within
# the budget, before the first step, about as much as so many of the last scale's.
_LOOKS_IN_STEPS = 1.3
_COLOURS_IN_STEPS = 1.2
_PROBE_SIDES_PX = (96, 224)
_PROBE_STEPS = 3
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

    def work_s(self, pixels: float, steps: int, looks: int) -> float:
        """Seconds of steps at a size, and of looking at the pictures so often."""
        return (steps + looks * _LOOKS_IN_STEPS) * self.step_s(pixels)


@dataclass(frozen=True)
class MemoryModel:
    """Peak bytes of a job above what its process held before.

    Attributes:
        fixed_bytes: Whatever the size.
        per_pixel_bytes: Per pixel of the picture.
    """

    fixed_bytes: float
    per_pixel_bytes: float

    def peak_bytes(self, pixels: float) -> float:
        """At a size."""
        return self.fixed_bytes + self.per_pixel_bytes * pixels

    def pixels_within(self, free_bytes: float) -> float:
        """The most pixels that fit."""
        return max(0.0, free_bytes - self.fixed_bytes) / self.per_pixel_bytes


# Per extractor: bytes whatever the size, and the share of its activations that is held at once: forward and backward,
# but many results are overwritten in place. Fitted to peaks at 128 to 512 px of fresh processes on a CPU, for a process
# keeps what it once took (``bench/gatys_cost.py --factors``).
_MIB = 2.0**20
_PEAKS = {
    "bundled": (4 * _MIB, 0.735),
    "vgg19": (8 * _MIB, 0.83),
    "vgg16": (8 * _MIB, 0.87),
    "inception_v3": (4 * _MIB, 1.455),
    "xception": (4 * _MIB, 1.4),
    "densenet121": (4 * _MIB, 0.655),
    "resnet50": (4 * _MIB, 0.53),
    "resnet50_v2": (4 * _MIB, 0.59),
}
_OTHER_PEAK = (8 * _MIB, 1.455)  # the most that was seen
# Pictures, their gradient, moments, average and masks: as much for a narrow network as for a wide one.
_PICTURES_BYTES_PER_PIXEL = 400.0


def fit_speed(
    step_at: Callable[[int], Callable[[], object]], clock: Callable[[], float] = time.perf_counter
) -> SpeedModel:
    """Measure steps at two sizes.

    Args:
        step_at: Side in pixels -> a function that does one step on a square of that side.
        clock: Gives seconds.
    """
    (few, fast), (many, slow) = [(side**2, _fastest(step_at(side), clock)) for side in _PROBE_SIDES_PX]
    per_pixel = max((slow - fast) / (many - few), slow / many * 0.1)
    return SpeedModel(max(0.0, slow - per_pixel * many), per_pixel)


def _fastest(step: Callable[[], object], clock: Callable[[], float]) -> float:
    """The best of a few: what the step costs, not what else the machine did meanwhile."""
    step()
    spent = []
    for _ in range(_PROBE_STEPS):
        start_s = clock()
        step()
        spent.append(clock() - start_s)
    return min(spent)


def predict(plan: Sequence[Scale], speed: SpeedModel, memory: MemoryModel) -> Cost:
    """Cost of a plan.

    Args:
        plan: Sizes and steps.
        speed: From ``fit_speed``.
        memory: From ``memory_model``.
    """
    seconds = sum(speed.work_s(scale.pixels, scale.steps, 1) for scale in plan)
    seconds += _COLOURS_IN_STEPS * speed.step_s(plan[-1].pixels)
    return Cost(seconds, memory.peak_bytes(max(scale.pixels for scale in plan)))


def memory_model(extractor: Extractor) -> MemoryModel:
    """What a step holds at its peak with this extractor."""
    fixed_bytes, share = _PEAKS.get(extractor.name, _OTHER_PEAK)
    return MemoryModel(fixed_bytes, share * activation_bytes_per_pixel(extractor) + _PICTURES_BYTES_PER_PIXEL)


@functools.cache
def activation_bytes_per_pixel(extractor: Extractor) -> float:
    """Bytes of all that the network's operations give on their way forward, per pixel of the picture."""
    side = 8 * extractor.min_side_px
    traced = tf.function(extractor.features).get_concrete_function(tf.TensorSpec([1, side, side, 3]))
    kept = ("Relu", "Conv2D", "MaxPool", "AvgPool", "MirrorPad", "PadV2", "Pad", "AddV2", "BiasAdd", "ConcatV2")
    values = sum(
        math.prod(operation.outputs[0].shape.as_list())
        for operation in traced.graph.get_operations()
        if operation.type in kept and operation.outputs[0].shape.is_fully_defined()
    )
    return 4.0 * float(values) / side**2


def check_memory(plan: Sequence[Scale], memory: MemoryModel, available_bytes: float | None = None) -> None:
    """Refuse what does not fit.

    Args:
        plan: Sizes and steps.
        memory: From ``memory_model``.
        available_bytes: None asks the machine.

    Raises:
        JobError: ``job_out_of_memory`` with the longest side that would fit.
    """
    free = _USABLE * (free_bytes() if available_bytes is None else available_bytes)
    largest = max(plan, key=lambda scale: scale.pixels)
    if memory.peak_bytes(largest.pixels) > free:
        share = math.sqrt(memory.pixels_within(free) / largest.pixels)
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


# How long a run still takes: its cost model, corrected by what the run's own steps took.
class Forecast:
    """Follows one run; right on a machine of any speed, or as busy as it may be, from the second step on.

    The first step at every size looks at the pictures, too. How long that takes says less about steps than a step does:
    it counts only while nothing else is known.

    Args:
        speed: Seconds as they were measured on this or any other machine.
    """

    def __init__(self, speed: SpeedModel) -> None:
        self._speed = speed
        self._taken_s, self._foreseen_s = 0.0, 0.0  # of steps alone
        self._first: tuple[float, float] | None = None  # of the first one, with its look

    def note(self, seconds: float, scale: Scale, looked: bool) -> None:
        """A step was done.

        Args:
            seconds: What it took.
            scale: Where.
            looked: Whether it looked at the pictures.
        """
        if not looked:
            self._taken_s += seconds
            self._foreseen_s += self._speed.work_s(scale.pixels, 1, 0)
        elif self._first is None:
            self._first = (seconds, self._speed.work_s(scale.pixels, 1, 1))

    def left_s(self, left: Sequence[Scale], looked: bool) -> float:
        """Seconds to the end.

        Args:
            left: Sizes with the steps that are left.
            looked: Whether the pictures have been looked at for the first of them.
        """
        looks = [not looked, *[True] * (len(left) - 1)]
        pairs = zip(left, looks, strict=True)
        return self._slower * sum(self._speed.work_s(scale.pixels, scale.steps, look) for scale, look in pairs)

    @property
    def _slower(self) -> float:
        if self._foreseen_s:
            return self._taken_s / self._foreseen_s
        return self._first[0] / self._first[1] if self._first else 1.0
