"""Training a pyramid on one picture, an iteration at a time: it can be looked at, saved, and gone on with elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.run_state import pack, unpack
from nst.singan.networks import Weights
from nst.singan.painting import draw, rebuild
from nst.singan.pyramid import VERSION, Budget, Pyramid, resized, size_at
from nst.singan.step import (
    DECAY,
    DECAY_AFTER,
    LEARNING_RATE,
    Iterate,
    Learner,
    Lesson,
    ScaleState,
    first_state,
    next_state,
    noise_amplitude,
)

Floats = NDArray[np.float32]

# The authors draw anew from all coarser scales at every step; from a bank of this size a step costs half as much.
DRAWN = 16
_OVERHEAD_PX = 1000.0  # what an iteration costs besides its pixels, in pixels; measured on two cores
_LONGEST = 2.0  # times the shorter side: a style that is longer is cut to it, from its middle


class Training:
    """A pyramid in the making.

    Args:
        rgb: The picture, float32 [h, w, 3], 0..1.
        budget: Sizes and iterations.
        iterate: ``singan_step.make_iterate``'s.
    """

    def __init__(self, rgb: Floats, budget: Budget, iterate: Iterate) -> None:
        self._budget, self._iterate = budget, iterate
        self._rgb = _cut(np.asarray(rgb, np.float32))
        self.scale = self.iteration = 0
        self._state = first_state(seed=0)
        self._generators: list[Weights] = []
        self._amplitudes: list[float] = []
        self._lesson: Lesson | None = None
        self.losses: dict[str, float] = {}

    @property
    def iterations(self) -> int:
        """Iterations in all."""
        return sum(map(self._budget.iterations_at, range(self._budget.scales)))

    @property
    def done_iterations(self) -> int:
        """Iterations done."""
        return sum(map(self._budget.iterations_at, range(self.scale))) + self.iteration

    @property
    def work_done(self) -> float:
        """Work done: iterations times what one costs, in pixels."""
        done = sum(self._work(scale) for scale in range(self.scale))
        return done if self.done else done + self.iteration * self._step_work(self.scale)

    @property
    def work(self) -> float:
        """Work in all."""
        return sum(self._work(scale) for scale in range(self._budget.scales))

    def _work(self, scale: int) -> float:
        return self._budget.iterations_at(scale) * self._step_work(scale)

    def _step_work(self, scale: int) -> float:
        side_px: float = self._budget.sides_px[scale]
        return side_px**2 + _OVERHEAD_PX

    @property
    def done(self) -> bool:
        """Whether all scales are trained."""
        return self.scale >= self._budget.scales

    def advance(self) -> None:
        """One iteration."""
        if self._lesson is None:
            self._lesson = self._prepared()
        lesson, total = self._lesson, self._budget.iterations_at(self.scale)
        rate = LEARNING_RATE * (DECAY if self.iteration >= DECAY_AFTER * total else 1.0)
        seed = tf.constant([self.iteration, 1000 * self.scale])
        number = tf.constant(float(self.iteration))
        self._state, critic, rebuilding = self._iterate(self._state, lesson, number, tf.constant(rate), seed)
        self.losses = {"critic": float(critic), "reconstruction": float(rebuilding)}
        self.iteration += 1
        if self.iteration == total:
            self._end_scale(lesson)

    def _end_scale(self, lesson: Lesson) -> None:
        self._generators.append(self._state.generator.weights)
        self._amplitudes.append(float(lesson.amplitude))
        self._state, self._lesson = next_state(self._state), None
        self.scale, self.iteration = self.scale + 1, 0

    def pyramid(self) -> Pyramid:
        """What is trained so far; its finest scale may still be in training, none is missing but the finer ones."""
        generators, amplitudes = list(self._generators), list(self._amplitudes)
        if self._lesson is not None and self.iteration:
            generators.append(self._state.generator.weights)
            amplitudes.append(float(self._lesson.amplitude))
        return Pyramid(tuple(generators), tuple(amplitudes), self._budget.sides_px, self._shape)

    def _prepared(self) -> Lesson:
        """The lesson of the scale that begins; the same whenever it is asked for."""
        sides_px = self._budget.sides_px
        real = self.real(self.scale)
        nothing = tf.zeros_like(real)
        if self.scale == 0:
            fixed = tf.random.stateless_normal(tf.shape(real), [0, 7])
            return Lesson(real, nothing, nothing, fixed, tf.constant(1.0))
        before = Pyramid(tuple(self._generators), tuple(self._amplitudes), sides_px, self._shape)
        size = tuple(real.shape[1:3])
        fixed = tf.random.stateless_normal([1, *before.size_at(0), 3], [0, 7])
        rebuilt = resized(rebuild(before, fixed), size)
        drawn = tf.concat([resized(draw(before, seed), size) for seed in range(DRAWN)], axis=0)
        return Lesson(real, drawn, rebuilt, nothing, noise_amplitude(rebuilt, real))

    def real(self, scale: int) -> tf.Tensor:
        """The training picture at a scale, [1, h, w, 3], -1..1."""
        image = tf.image.resize(self._rgb[None], self._size(scale), "bicubic", antialias=True)
        return 2.0 * tf.clip_by_value(image, 0.0, 1.0) - 1.0

    @property
    def _shape(self) -> tuple[int, int]:
        return int(self._rgb.shape[0]), int(self._rgb.shape[1])

    def _size(self, scale: int) -> tuple[int, int]:
        return size_at(*self._shape, self._budget.sides_px[scale])

    def key(self) -> str:
        """Identity of the pyramid that comes out: picture, budget and release."""
        return pyramid_key(self._rgb, self._budget)

    def state(self) -> bytes:
        """All that another process needs to go on, besides picture and budget."""
        arrays: dict[str, NDArray[Any]] = {"amplitudes": np.array(self._amplitudes, np.float64)}
        for scale, weights in enumerate(self._generators):
            arrays |= _named(f"generator{scale}", weights)
        for name, learner in self._state._asdict().items():
            for part, weights in learner._asdict().items():
                arrays |= _named(f"{name}.{part}", weights)
        return pack(self.key(), {"scale": self.scale, "iteration": self.iteration}, arrays)

    def restore(self, data: bytes) -> None:
        """Go on where ``state`` was taken; what follows is bit for bit what the uninterrupted training does.

        Raises:
            StateError: Not a state, or one of another picture, budget or release.
        """
        place, arrays = unpack(data, self.key())
        self.scale, self.iteration, self._lesson = place["scale"], place["iteration"], None
        self._amplitudes = [float(value) for value in arrays["amplitudes"]]
        self._generators = [_tensors(arrays, f"generator{scale}") for scale in range(self.scale)]
        learners = (
            Learner(*(_tensors(arrays, f"{name}.{part}") for part in Learner._fields)) for name in ScaleState._fields
        )
        self._state = ScaleState(*learners)
        if self.iteration and not self.done:
            self._lesson = self._prepared()


def pyramid_key(rgb: Floats, budget: Budget) -> str:
    """Identity of a pyramid, 32 hex digits.

    Args:
        rgb: The picture, float32 [h, w, 3].
        budget: It is trained with.
    """
    digest = hashlib.blake2b(repr((VERSION, budget, rgb.shape)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(_cut(np.asarray(rgb, np.float32))).data)
    return digest.hexdigest()


def _cut(rgb: Floats) -> Floats:
    height, width = rgb.shape[:2]
    longest = int(_LONGEST * min(height, width))
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    return rgb[top : top + longest, left : left + longest]


def _named(name: str, weights: Sequence[tf.Tensor]) -> dict[str, NDArray[Any]]:
    return {f"{name}.{index:02}": weight.numpy() for index, weight in enumerate(weights)}


def _tensors(arrays: dict[str, NDArray[Any]], name: str) -> Weights:
    return tuple(tf.constant(arrays[key]) for key in sorted(arrays) if key.rpartition(".")[0] == name)
