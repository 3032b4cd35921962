"""What the training is worth: figures on held-out pictures, and the model card."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from nst.bundled.network import BundledNetwork
from nst.quality import Evaluator
from tools.train import evaluate, extractor, held_out
from tools.train.gatys import gatys
from tools.train.teacher import load_teacher

if TYPE_CHECKING:
    from tools.train.recipe import Recipe, Sources

EVALUATOR = "squeezenet_v10.npz"
_GATYS_PAIRS = 8


def trial_network(file: Path) -> BundledNetwork:
    """A network from a file that is not (yet) the shipped one."""
    with np.load(file, allow_pickle=False) as stored:
        weights = {name: tf.constant(stored[name].astype(np.float32)) for name in stored.files}
    return BundledNetwork(weights, int(weights["style/kernel"].shape[0]), f"trial-{file.stem}")


def held_out_pairs(sources: Sources, side_px: int = evaluate.SIDE_PX) -> list[evaluate.Pair]:
    """Every held-out photograph with every held-out style, as far as they are there; styles change fastest."""
    photos = held_out.held_out_pictures(sources.photos, held_out.HELD_OUT_PHOTOS)
    styles = held_out.held_out_pictures(sources.styles, held_out.HELD_OUT_STYLES)
    contents, seen_styles = (
        [read(path, side_px) for path in found.values()]
        for read, found in ((evaluate.read_content, photos), (evaluate.read_style, styles))
    )
    return [(content, style) for content in contents for style in seen_styles]


def held_out_figures(sources: Sources, shipped: Path) -> dict[str, Any]:
    """Figures of what lies in `shipped`, as far as evaluator and held-out pictures are there."""
    pairs = held_out_pairs(sources)
    if not pairs or not (sources.features / EVALUATOR).exists():
        return {}
    evaluator = Evaluator(sources.features / EVALUATOR)
    figures: dict[str, Any] = {}
    if (shipped / "network.npz").exists():
        figures["network"] = network_figures(sources, trial_network(shipped / "network.npz"), pairs, evaluator)
    if (shipped / "extractor.npz").exists():
        figures["extractor"] = extractor_figures(sources, shipped / "extractor.npz", pairs, evaluator)
    return figures


def network_figures(
    sources: Sources, network: BundledNetwork, pairs: Sequence[evaluate.Pair], evaluator: Evaluator
) -> dict[str, Any]:
    """Strength curves of network and teacher, colours alone, and seconds at 512 px."""
    ours, theirs = painters(sources, network)
    return compared(ours, theirs, pairs, evaluator) | {"seconds_at_512_px": seconds(ours, theirs)}


def painters(sources: Sources, network: BundledNetwork) -> tuple[evaluate.Painter, evaluate.Painter]:
    """A network and its teacher."""
    teacher = load_teacher(sources.teacher)
    ours = evaluate.Painter(tf.function(network.style_vector), tf.function(network.transform))
    return ours, evaluate.Painter(teacher.vector, teacher.paint)


def compared(
    ours: evaluate.Painter, theirs: evaluate.Painter, pairs: Sequence[evaluate.Pair], evaluator: Evaluator
) -> dict[str, Any]:
    """Strength curves of network and teacher, and colours alone."""
    curves = {
        name: evaluate.strength_curve(p, pairs, evaluator) for name, p in (("bundled", ours), ("teacher", theirs))
    }
    result: dict[str, Any] = {
        name: {str(strength): asdict(figures) for strength, figures in curve.items()} for name, curve in curves.items()
    }
    result["palette"] = asdict(evaluate.measure(evaluate.transport_colours, pairs, evaluator))
    result["ratio_at_equal_content"] = evaluate.ratio_at_equal_content(curves["bundled"], curves["teacher"])
    return result


def seconds(ours: evaluate.Painter, theirs: evaluate.Painter, side_px: int = 512, rounds: int = 9) -> dict[str, float]:
    """Median seconds for style vector and picture together, both painters taking turns."""
    content = tf.random.uniform([1, side_px, side_px, 3], seed=0)
    style = tf.random.uniform([1, 256, 256, 3], seed=1)
    taken: dict[str, list[float]] = {"bundled": [], "teacher": []}
    for _ in range(rounds + 2):
        for name, painter in (("bundled", ours), ("teacher", theirs)):
            started = time.perf_counter()
            np.asarray(painter.paint(content, painter.vector(style)))
            taken[name].append(time.perf_counter() - started)
    return {name: float(np.median(times[2:])) for name, times in taken.items()}


def extractor_figures(
    sources: Sources, file: Path, pairs: Sequence[evaluate.Pair], evaluator: Evaluator
) -> dict[str, Any]:
    """Gatys through the small extractor and through its teacher, on a few of the pairs."""
    chosen = [pairs[index] for index in np.linspace(0, len(pairs) - 1, min(_GATYS_PAIRS, len(pairs))).astype(int)]
    seers: dict[str, extractor.Features] = {
        "bundled": extractor.load_student(file),
        "vgg19_16x": extractor.load_vgg(sources.features / "vgg19_16x.npz"),
    }
    made = {name: evaluate.measure(_painter(see), chosen, evaluator) for name, see in seers.items()}
    ratio = made["bundled"].style_distance_ratio / made["vgg19_16x"].style_distance_ratio
    return {name: asdict(figures) for name, figures in made.items()} | {"ratio": ratio}


def _painter(see: extractor.Features) -> Callable[[evaluate.Float, evaluate.Float], evaluate.Float]:
    return lambda content, style: gatys(content, style, see)


def write_model_card(file: Path, recipe: Recipe, figures: dict[str, Any], effort: dict[str, Any]) -> None:
    """The facts of this training run as Markdown."""
    lines = ["# Model card of the bundled networks", "", "## Training", ""]
    lines += [
        f"- {len(recipe.photos)} photographs, {len(recipe.styles)} styles, {len(recipe.vectors)} augmented styles"
    ]
    lines += [f"- {name}: {value}" for name, value in effort.items()]
    for name, history in recipe.histories.items():
        lines += [f"- {name}: {history[-1]['step']:.0f} steps in {history[-1]['elapsed_s']:.0f} s"] if history else []
    lines += ["", "## Figures on held-out pictures", ""]
    lines += _flat(figures) or ["None: the evaluator or the held-out pictures were not there."]
    lines += ["", "![curves](curves.png)", ""]
    file.write_text("\n".join(lines), encoding="utf-8")


def _flat(figures: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for name, value in figures.items():
        title = f"{prefix} {name}".strip()
        lines += _flat(value, title) if isinstance(value, dict) else [f"- {title}: {value:.3f}"]
    return lines
