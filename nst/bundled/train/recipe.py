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

from nst.bundled.train import bank, data, encoder, extractor, held_out, transformer
from nst.bundled.train.fit import Batch, Run, Schedule
from nst.bundled.train.teacher import Teacher, load_teacher

Float = NDArray[np.float32]
VGG = "vgg19_16x.npz"
# Shares of the time: transformer and extractor first by blocks on small crops, then as a whole.
SHARES = {
    "transformer_blocks": 0.25,
    "transformer": 0.25,
    "encoder": 0.3,
    "extractor_blocks": 0.12,
    "extractor": 0.08,
}


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
        side_px: of the crops of the runs by blocks.
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
        """The transformer, by blocks and then, from the averaged weights, as a whole on bigger crops."""
        effort = self.effort
        whitened_by = transformer.whitening(self.vectors)
        blocks = self._run("transformer_blocks", transformer.initial_weights(self.vectors.shape[1], effort.seed))
        stream = transformer.batches(self.photos, self.vectors, effort.side_px, effort.batch, effort.seed + blocks.step)
        losses = transformer.losses(blocks.variables, self.teacher, whitened_by)
        start = blocks.train(effort.schedule("transformer_blocks", 3e-3, 3e-4), ahead(stream), losses)

        whole = self._run("transformer", start)
        side = effort.side_px * 4 // 3
        stream = transformer.batches(self.photos, self.vectors, side, effort.batch, effort.seed + 1 + whole.step)
        losses = transformer.losses(whole.variables, self.teacher, whitened_by, self._perception())
        return transformer.folded(whole.train(effort.schedule("transformer", 1e-3), ahead(stream), losses), whitened_by)

    def _perception(self) -> transformer.Perception:
        see = extractor.load_vgg(self.sources.features / VGG, last_block=3)
        names = ("block1_conv1", "block2_conv1", "block3_conv1")

        def perceive(picture: Any) -> list[Any]:
            seen = see(picture)
            return [seen[name] for name in names]

        return perceive

    def train_encoder(self) -> dict[str, Any]:
        """The style encoder, on the bank."""
        effort = self.effort
        rng = np.random.default_rng(effort.seed)
        crops = [data.random_crop(photo, 96, rng, smallest=0.7) for photo in self.photos[:: len(self.photos) // 8 + 1]]
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
        (sample,) = next(extractor.batches(pictures, 96, 16, effort.seed))
        weights: dict[str, Any] = extractor.initial_weights(see, sample, effort.seed)
        for name, by_blocks, rate in (("extractor_blocks", True, 2e-3), ("extractor", False, 1e-3)):
            run = self._run(name, weights)
            stream = extractor.batches(pictures, 96, effort.batch, effort.seed + 1 + run.step)
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
