"""The recipe: which runs in which order, on what, for how long."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.train import bank, data, encoder, extractor, held_out, transformer
from tools.train.fit import Batch, Run, Schedule
from tools.train.teacher import Teacher, load_teacher

Float = NDArray[np.float32]
VGG = "vgg19_16x.npz"
# Shares of the time.
SHARES = {"transformer": 0.35, "encoder": 0.4, "extractor_blocks": 0.12, "extractor": 0.13}


@dataclass(frozen=True)
class Sources:
    """Where everything comes from, and goes.

    Attributes:
        photos: folders of photographs.
        styles: folders of style pictures.
        teacher: a SavedModel called as module(content, style).
        features: folder with vgg19_16x.npz.
        out: folder for the bank, checkpoints and weights.
    """

    photos: tuple[Path, ...]
    styles: tuple[Path, ...]
    teacher: Path
    features: Path
    out: Path


@dataclass(frozen=True)
class Effort:
    """How much work.

    Attributes:
        minutes: of training in all, less the time for the bank.
        bank_size: augmented styles with vectors.
        steps: at most in each run.
        side_px: of the crops for transformer and extractor.
        batch: pictures at a step.
        seed: of everything random.
    """

    minutes: float = 90.0
    bank_size: int = 8000
    steps: int = 10**9
    side_px: int = 96
    batch: int = 8
    seed: int = 0

    def schedule(self, run: str, peak_rate: float, final_rate: float = 2e-5) -> Schedule:
        """A run's share of the time."""
        limit_s = self.minutes * 60 * SHARES[run]
        return Schedule(limit_s=limit_s, limit_steps=self.steps, peak_rate=peak_rate, final_rate=final_rate)


class Recipe:
    """All runs over the same pictures. Every run goes on from its checkpoint in `sources.out`."""

    def __init__(self, sources: Sources, effort: Effort, teacher: Teacher | None = None) -> None:
        self.sources, self.effort = sources, effort
        self.photos = data.load_pictures(held_out.training_pictures(sources.photos))
        self.styles = data.load_pictures(held_out.training_pictures(sources.styles))
        self.teacher = teacher or load_teacher(sources.teacher)
        self.histories: dict[str, list[dict[str, float]]] = {}
        self.style_pictures, self.vectors = bank.build_bank(
            sources.out / "bank.npz", effort.bank_size, self.teacher.vector, self.styles, self.photos, effort.seed
        )

    def train_transformer(self) -> dict[str, Any]:
        """The transformer, by blocks."""
        effort = self.effort
        whitened_by = transformer.whitening(self.vectors)
        run = self._run("transformer", transformer.initial_weights(self.vectors.shape[1], effort.seed))
        stream = transformer.batches(self.photos, self.vectors, effort.side_px, effort.batch, effort.seed + run.step)
        losses = transformer.losses(run.variables, self.teacher, whitened_by)
        return transformer.folded(
            run.train(effort.schedule("transformer", 3e-3, 3e-4), ahead(stream), losses), whitened_by
        )

    def train_encoder(self) -> dict[str, Any]:
        """The style encoder, on the bank."""
        effort = self.effort
        rng = np.random.default_rng(effort.seed)
        crops = [
            data.random_crop(photo, effort.side_px, rng, smallest=0.7)
            for photo in self.photos[:: len(self.photos) // 8 + 1]
        ]
        small = np.stack(crops).astype(np.float32) / np.float32(255.0)
        root = encoder.picture_metric(self.teacher, small, self.vectors, effort.seed)
        run = self._run("encoder", encoder.initial_weights(self.vectors, effort.seed))
        stream = encoder.batches(self.style_pictures, self.vectors, 3 * effort.batch, effort.seed + run.step)
        return run.train(effort.schedule("encoder", 1e-3), ahead(stream), encoder.losses(run.variables, root))

    def train_extractor(self) -> dict[str, Any]:
        """The feature extractor, by blocks and then as a whole, on photographs and styles alike."""
        effort = self.effort
        see = extractor.load_vgg(self.sources.features / VGG)
        pictures = [*self.photos, *self.styles]
        (sample,) = next(extractor.batches(pictures, effort.side_px, 16, effort.seed))
        weights: dict[str, Any] = extractor.initial_weights(see, sample, effort.seed)
        for name, by_blocks, rate in (("extractor_blocks", True, 2e-3), ("extractor", False, 1.5e-3)):
            run = self._run(name, weights)
            stream = extractor.batches(pictures, effort.side_px, effort.batch, effort.seed + 1 + run.step)
            losses = extractor.losses(run.variables, see, by_blocks)
            weights = run.train(effort.schedule(name, rate, rate / 20), ahead(stream), losses)
        return weights

    def _run(self, name: str, initial: dict[str, Any]) -> Run:
        run = Run(self.sources.out / f"{name}.npz", initial)
        self.histories[name] = run.history
        return run


def ahead(batches: Iterator[Batch], count: int = 4) -> Iterator[Batch]:
    """Make batches in a thread while the network trains."""
    made: queue.Queue[Batch] = queue.Queue(count)

    def fill() -> None:
        for batch in batches:
            made.put(batch)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield made.get()
