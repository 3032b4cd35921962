"""One training run: Adam with a cosine schedule, averaged weights, checkpoints, a log.

The same loop serves the transformer, the encoder and the extractor.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_LOG = logging.getLogger(__name__)
Batch = tuple[Any, ...]
Losses = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        limit_s: seconds of training, over all resumptions.
        limit_steps: steps at most.
        peak_rate: Adam's rate after the warm-up; cosine to `final_rate` at the limit.
        final_rate: Adam's rate at the end.
        warm_up_steps: linear from 0.
        average: decay of the moving average of the weights.
        save_every_s: seconds between checkpoints.
    """

    limit_s: float
    limit_steps: int = 10**9
    peak_rate: float = 2e-3
    final_rate: float = 2e-5
    warm_up_steps: int = 100
    average: float = 0.998
    save_every_s: float = 60.0

    def done(self, step: int, elapsed_s: float) -> float:
        """The share of the run that is over, 0..1."""
        return min(1.0, max(elapsed_s / max(self.limit_s, 1e-9), step / self.limit_steps))

    def rate(self, step: int, done: float) -> float:
        """Adam's rate: cosine in the share that is over."""
        cosine = self.final_rate + (self.peak_rate - self.final_rate) * 0.5 * (1 + np.cos(np.pi * done))
        return float(cosine * min(1.0, (step + 1) / self.warm_up_steps))


class Run:
    """Variables in training, with Adam's moments and their moving average.

    Args:
        file: checkpoint, .npz; read when it exists.
        initial: starting values by name.
    """

    def __init__(self, file: Path, initial: Mapping[str, Any]) -> None:
        self._file = file
        self.step, self.elapsed_s = 0, 0.0
        self.history: list[dict[str, float]] = []
        self.variables = {name: tf.Variable(tf.cast(value, tf.float32)) for name, value in initial.items()}
        self._first = {name: tf.Variable(tf.zeros_like(value)) for name, value in self.variables.items()}
        self._second = {name: tf.Variable(tf.zeros_like(value)) for name, value in self.variables.items()}
        self._average = {name: tf.Variable(value) for name, value in self.variables.items()}
        self._groups = {"now": self.variables, "m": self._first, "v": self._second, "mean": self._average}
        if file.exists():
            self._restore()

    def averaged(self) -> dict[str, Any]:
        """The moving average of the weights, numpy by name: what is shipped."""
        return {name: value.numpy() for name, value in self._average.items()}

    def train(self, schedule: Schedule, batches: Iterator[Batch], losses: Callable[..., Losses]) -> dict[str, Any]:
        """Train to the schedule's end and return the averaged weights.

        Args:
            schedule: how long and how fast.
            batches: endless tuples of arrays.
            losses: batch -> named scalars; "loss" is minimised, the others are only logged.
        """
        update = tf.function(self._updater(losses, schedule.average), reduce_retracing=True)
        seen: list[dict[str, float]] = []
        saved = time.monotonic()
        while (done := schedule.done(self.step, self.elapsed_s)) < 1.0:
            batch = tuple(tf.constant(part) for part in next(batches))
            started = time.monotonic()
            values = update(
                tf.constant(schedule.rate(self.step, done), tf.float32), tf.constant(self.step + 1.0), *batch
            )
            seen.append({name: float(value) for name, value in values.items()})
            self.step += 1
            self.elapsed_s += time.monotonic() - started
            if len(seen) == 100:
                self._note(seen)
            if time.monotonic() - saved > schedule.save_every_s:
                self.save()
                saved = time.monotonic()
        self._note(seen)
        self.save()
        return self.averaged()

    def _updater(self, losses: Callable[..., Losses], decay: float) -> Callable[..., Losses]:
        names = list(self.variables)

        def update(rate: tf.Tensor, step: tf.Tensor, *batch: tf.Tensor) -> Losses:
            with tf.GradientTape() as tape:
                values = losses(*batch)
            gradients = tape.gradient(values["loss"], [self.variables[name] for name in names])
            gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
            for name, gradient in zip(names, gradients, strict=True):
                self._adam(name, gradient, rate, step)
                # The average follows faster at the start, so that it is useful early.
                keep = tf.minimum(decay, (1.0 + step) / (10.0 + step))
                self._average[name].assign(keep * self._average[name] + (1.0 - keep) * self.variables[name])
            return values

        return update

    def _adam(self, name: str, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        """Kingma and Ba 2015, algorithm 1, betas 0.9 and 0.99."""
        first = self._first[name].assign(0.9 * self._first[name] + 0.1 * gradient)
        second = self._second[name].assign(0.99 * self._second[name] + 0.01 * tf.square(gradient))
        corrected = rate * tf.sqrt(1.0 - 0.99**step) / (1.0 - 0.9**step)
        self.variables[name].assign_sub(corrected * first / (tf.sqrt(second) + 1e-8))

    def _note(self, seen: list[dict[str, float]]) -> None:
        if not seen:
            return
        means = {name: float(np.mean([values[name] for values in seen])) for name in seen[0]}
        self.history.append({"step": self.step, "elapsed_s": self.elapsed_s, **means})
        _LOG.info(
            "%s %d %.0f s %s", self._file.stem, self.step, self.elapsed_s, {k: round(v, 4) for k, v in means.items()}
        )
        seen.clear()

    def save(self) -> None:
        """Write the checkpoint in one move."""
        arrays = {f"{group}|{name}": v.numpy() for group, kept in self._groups.items() for name, v in kept.items()}
        state = json.dumps({"step": self.step, "elapsed_s": self.elapsed_s, "history": self.history})
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial.npz")
        np.savez(partial, state=np.array(state), **arrays)
        os.replace(partial, self._file)

    def _restore(self) -> None:
        with np.load(self._file, allow_pickle=False) as stored:
            state = json.loads(str(stored["state"]))
            self.step, self.elapsed_s, self.history = state["step"], state["elapsed_s"], state["history"]
            for group, kept in self._groups.items():
                for name, variable in kept.items():
                    variable.assign(stored[f"{group}|{name}"])
