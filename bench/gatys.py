"""The Gatys method beside what others would do: same extractor, same pictures, one run.

    python -m bench.gatys [--side 256] [--pairs 20] [--tutorial-steps 1000] [--strength 70]
                          [--keep FILE.jsonl] [--out FILE.json]

With ``--keep`` every pair's figures are kept as they come, and a run that was cut off goes on there.

Compared are the content untouched, mere colour transport, the fast method, the default preset, and a plain
re-implementation of the TensorFlow tutorial's loop (Adam 0.02, beta1 0.99, epsilon 0.1, from the content, Gram
matrices) and L-BFGS, as jcjohnson/neural-style does by default, on the tutorial's own loss. The tutorial's weights hold
for Keras' VGG-19 only; both its terms are divided by their targets' energy here, so that they weigh the same with any
extractor, and the sum is multiplied by 10⁶, the tutorial's own order of magnitude: beside a loss of 1 Adam's epsilon of
0.1 would stop it.

Goals: R and LP both better than the tutorial's after all its steps, in at most 1/20 of its time, on 18 of 20 pairs;
L-BFGS within 5 % of the tutorial's final loss in at most 1/3 of its time; a step within 1.5 times of the machine's
floor, its multiplications at the speed of one big matrix product.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gatys_pairs import Pair, evaluator_weights, load_pairs, settings
from bench.pair_results import PairResults
from nst.methods.gatys import Gatys
from nst.quality import Evaluator, ssim

import tensorflow as tf  # isort: skip - after nst.methods.gatys, which configures it

from nst import colour, losses
from nst.extractors import Extractor
from nst.method import Method, create_method
from nst.methods import gatys_lbfgs as lbfgs
from nst.options import StyleOptions

Rgb = NDArray[np.float32]
OWN_LOSS_WITHIN = 1.05
_ORDER = 1e6


@dataclass(frozen=True)
class Row:
    """One way on one pair.

    Attributes:
        r: Style distance left, lower is better.
        lp: Content distance, lower is better.
        ssim: Structural similarity to the content.
        seconds: Wall clock, loading and tracing left out.
        own_loss: The tutorial's loss of the result.
    """

    r: float
    lp: float
    ssim: float
    seconds: float
    own_loss: float


class Tutorial:
    """The tutorial's loss on one pair, and its loop.

    Args:
        extractor: Where activations come from.
        pair: Content and style.
    """

    def __init__(self, extractor: Extractor, pair: Pair) -> None:
        self._extractor = extractor
        content, style = extractor.features(_batch(pair.content.rgb)), extractor.features(_batch(pair.style.rgb))
        self._content = content[extractor.content_layer]
        self._grams = [losses.moments(style[layer]).second for layer in extractor.style_layers]
        self.loss_and_gradient = tf.function(self._loss_and_gradient)
        self.loss_and_gradient(_batch(pair.content.rgb))

    def _loss_and_gradient(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = self._extractor.features(image)
            pairs = zip(self._extractor.style_layers, self._grams, strict=True)
            style = [losses.relative_gram_loss(losses.moments(found[name]).second, A) for name, A in pairs]
            content = losses.relative_content_loss(found[self._extractor.content_layer], self._content)
            total = _ORDER * (tf.add_n(style) / len(style) + content)
        return total, tape.gradient(total, image)

    def adam(self, start: Rgb, steps: int) -> Rgb:
        """The tutorial's loop."""
        image, first, second = _batch(start), tf.zeros([1, *start.shape]), tf.zeros([1, *start.shape])
        for step in range(1, steps + 1):
            _, gradient = self.loss_and_gradient(image)
            first, second = 0.99 * first + 0.01 * gradient, 0.999 * second + 0.001 * gradient**2
            move = first / (1 - 0.99**step) / (tf.sqrt(second / (1 - 0.999**step)) + 0.1)
            image = tf.clip_by_value(image - 0.02 * move, 0.0, 1.0)
        return np.asarray(image.numpy()[0])

    def lbfgs(self, start: Rgb, goal: float, seconds: float) -> Rgb:
        """The project's own L-BFGS until the loss is ``goal`` or the time is over.

        SciPy's needs as many evaluations, and five times an evaluation's time for itself on pictures of this size.
        """
        end = time.perf_counter() + seconds

        def function(flat: lbfgs.Flat) -> tuple[float, lbfgs.Flat]:
            value, gradient = self.loss_and_gradient(tf.constant(flat.reshape(1, *start.shape)))
            return float(value) / _ORDER, gradient.numpy().ravel() / np.float32(_ORDER)

        state: lbfgs.LbfgsState | None = lbfgs.first_state(np.clip(start, 0, 1).astype(np.float32).ravel(), function)
        while state is not None:
            best = state
            if best.loss * _ORDER <= goal or time.perf_counter() > end:
                break
            state = lbfgs.iterate(best, function)
        return best.image.reshape(start.shape)


def measure(
    pair: Pair, gatys: Gatys, fast: Method, evaluator: Evaluator, strength: float, tutorial_steps: int
) -> dict[str, Row]:
    """All ways on one pair, one after the other, so that a busy machine is busy for all of them."""
    options = StyleOptions(method="gatys", strength=strength)
    tutorial = Tutorial(gatys.extractor(options), pair)
    content, style = pair.content.rgb, pair.style.rgb
    moved = colour.transport(content, style)

    def row(make: Callable[[], Rgb]) -> Row:
        start_s = time.perf_counter()
        made = make()
        seconds = time.perf_counter() - start_s
        own = float(tutorial.loss_and_gradient(_batch(made))[0])
        left, lost = evaluator.style_distance_ratio(content, made, style), evaluator.content_distance(content, made)
        return Row(left, lost, float(ssim(content, made)), seconds, own)

    rows = {"content": row(lambda: content), "palette": row(lambda: colour.transport(content, style))}
    rows["fast"] = row(lambda: fast.stylize(pair.content, [pair.style], options.replace(method="fast")).picture.rgb)
    rows["pastiche"] = row(lambda: gatys.stylize(pair.content, [pair.style], options).picture.rgb)
    slow = rows["tutorial"] = row(lambda: tutorial.adam(content, tutorial_steps))
    goal = slow.own_loss * OWN_LOSS_WITHIN
    rows["lbfgs"] = row(lambda: tutorial.lbfgs(moved, goal, slow.seconds))
    return rows


def verdict(table: list[dict[str, Row]]) -> dict[str, object]:
    """The figures that the goals are about."""
    better = [t["pastiche"].r < t["tutorial"].r and t["pastiche"].lp < t["tutorial"].lp for t in table]
    in_time = [t["pastiche"].seconds <= t["tutorial"].seconds / 20 for t in table]
    reached = [t["lbfgs"].own_loss <= t["tutorial"].own_loss * OWN_LOSS_WITHIN * 1.001 for t in table]
    third = [t["lbfgs"].seconds <= t["tutorial"].seconds / 3 for t in table]
    return {
        "pairs": len(table),
        "both_better": sum(better),
        "in_a_twentieth_of_the_time": sum(in_time),
        "both_better_and_in_time": sum(map(all, zip(better, in_time, strict=True))),
        "lbfgs_reaches_the_loss": sum(reached),
        "lbfgs_reaches_it_in_a_third": sum(map(all, zip(reached, third, strict=True))),
        "means": {way: _means([t[way] for t in table]) for way in table[0]},
    }


def _means(rows: list[Row]) -> dict[str, float]:
    return {name: round(float(np.mean([getattr(row, name) for row in rows])), 4) for name in Row.__annotations__}


def step_over_floor(gatys: Gatys, side_px: int) -> dict[str, float]:
    """Seconds of one step, and of its multiplications at the speed of a big matrix product; medians."""
    square = tf.random.stateless_uniform([2048, 2048], [1, 2])
    product_s = _median_s(lambda: tf.matmul(square, square).numpy())
    flops_per_s = 2 * 2048**3 / product_s
    picture = next(load_pairs(side_px, 1)).content
    run = gatys.start(picture, [picture], StyleOptions(method="gatys", steps=10_000))
    step_s = _median_s(lambda: run.advance(budget_s=0.0))
    pixels = picture.width_px * picture.height_px
    flops = convolution_flops(gatys.extractor(StyleOptions(method="gatys")), picture.height_px, picture.width_px)
    return {
        "gflop_per_s": flops_per_s / 1e9,
        "pixels": pixels,
        "step_gflop": flops / 1e9,
        "step_s": step_s,
        "floor_s": flops / flops_per_s,
        "step_over_floor": step_s * flops_per_s / flops,
    }


def convolution_flops(extractor: Extractor, height_px: int, width_px: int) -> float:
    """Multiplications and additions of a step: every convolution forward, and backward to its input."""
    traced = tf.function(extractor.features).get_concrete_function(tf.TensorSpec([1, height_px, width_px, 3]))
    total = 0.0
    for operation in traced.graph.get_operations():
        if operation.type == "Conv2D":
            kernel, out = operation.inputs[1].shape, operation.outputs[0].shape
            total += 2.0 * float(np.prod(kernel)) * out[1] * out[2]
    return 2.0 * total


def _median_s(work: Callable[[], object], times: int = 9) -> float:
    work()
    spent = []
    for _ in range(times):
        start_s = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start_s)
    return float(np.median(spent))


def _batch(rgb: Rgb) -> tf.Tensor:
    return tf.constant(rgb[None], tf.float32)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, print the table and the verdict, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--tutorial-steps", type=int, default=1000)
    parser.add_argument("--strength", type=float, default=70)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    gatys, evaluator = Gatys(settings()), Evaluator(evaluator_weights())
    gatys.prepare()
    result: dict[str, object] = {"step": step_over_floor(gatys, arguments.side)}
    fast = create_method("fast", settings())
    fast.prepare()
    what = {"side_px": arguments.side, "tutorial_steps": arguments.tutorial_steps, "strength": arguments.strength}
    kept, table = PairResults(arguments.keep, what), []
    for pair in load_pairs(arguments.side, arguments.pairs):
        if kept.of(pair.name) is None:
            found = measure(pair, gatys, fast, evaluator, arguments.strength / 100, arguments.tutorial_steps)
            kept.keep(pair.name, {way: asdict(row) for way, row in found.items()})
        rows = {way: Row(**row) for way, row in kept.of(pair.name).items()}
        table.append(rows)
        cells = [f"{way} {row.r:.3f}/{row.lp:.3f}/{row.ssim:.2f} {row.seconds:.1f}s" for way, row in rows.items()]
        _say(f"{pair.name}: " + " | ".join(cells))
    result |= verdict(table)
    text = json.dumps(result, indent=2)
    _say(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
