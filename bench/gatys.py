"""The Gatys method beside what others would do: same extractor, same pictures, one run.

    python -m bench.gatys [--side 256] [--pairs 20] [--tutorial-steps 1000] [--strength 70] [--steps N]
                          [--peer-iterations 1000] [--keep FILE.jsonl] [--out FILE.json]

With ``--keep`` every pair's figures are kept as they come, and a run that was cut off goes on there; others' figures
are found again when only Pastiche's settings change.

Compared are the content untouched, mere colour transport, the fast method, the default preset (``--steps`` gives it
fewer or more), and what ``bench.gatys_peers`` re-implements: the TensorFlow tutorial's loop and
jcjohnson/neural-style's L-BFGS by its defaults; and the project's own L-BFGS on the tutorial's loss.

Seconds are the processor's, summed over its cores, so that a busy machine counts for nothing; loading and tracing are
left out everywhere. What Pastiche's are compared with is the tutorial's loop timed right before and right after.

Goals: R and LP both better than the tutorial's after all its steps, in at most 1/20 of its time, on 18 of 20 pairs;
L-BFGS within 5 % of the tutorial's final loss in at most 1/3 of its time (it holds on 18 of 20 at 256 px); a step
within 1.5 times of the machine's floor, its multiplications at the speed of one big matrix product.
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
from nst.gatys.method import Gatys
from nst.quality import Evaluator, ssim

import tensorflow as tf  # isort: skip - after nst.gatys.method, which configures it

from bench.gatys_peers import NeuralStyle, Tutorial
from nst import colour
from nst.extractors.load import Extractor
from nst.method import Method, Request, create_method, stylize
from nst.options import StyleOptions
from nst.output_file import check_output

Rgb = NDArray[np.float32]
OWN_LOSS_WITHIN = 1.05
_TIMED_STEPS = 12  # of the tutorial's, before Pastiche's own work and after


@dataclass(frozen=True)
class Row:
    """One way on one pair.

    Attributes:
        r: Style distance left, lower is better.
        lp: Content distance, lower is better.
        ssim: Structural similarity to the content.
        seconds: Of the processor, loading and tracing left out.
        own_loss: The tutorial's loss of the result.
        tutorial_seconds: What all the tutorial's steps would take, timed at the same moment.
    """

    r: float
    lp: float
    ssim: float
    seconds: float
    own_loss: float
    tutorial_seconds: float


class Judge:
    """Makes rows of one pair.

    Args:
        pair: Content and style.
        extractor: The same for all ways.
        evaluator: Nobody's own.
        tutorial_steps: Of its loop.
    """

    def __init__(self, pair: Pair, extractor: Extractor, evaluator: Evaluator, tutorial_steps: int) -> None:
        self.pair, self.tutorial = pair, Tutorial(extractor, pair)
        self._evaluator, self._steps = evaluator, tutorial_steps

    def row(self, make: Callable[[], Rgb]) -> Row:
        """Time and judge what ``make`` gives."""
        before = self._tutorial_seconds()
        start_s = time.process_time()
        made = make()
        seconds = time.process_time() - start_s
        theirs = (before + self._tutorial_seconds()) / 2
        content, style = self.pair.content.rgb, self.pair.style.rgb
        left = self._evaluator.style_distance_ratio(content, made, style)
        lost = self._evaluator.content_distance(content, made)
        return Row(left, lost, float(ssim(content, made)), seconds, self.tutorial.loss(made), theirs)

    def _tutorial_seconds(self) -> float:
        start_s = time.process_time()
        self.tutorial.adam(self.pair.content.rgb, _TIMED_STEPS)
        return (time.process_time() - start_s) * self._steps / _TIMED_STEPS


def theirs(judge: Judge, extractor: Extractor, tutorial_steps: int, iterations: int) -> dict[str, Row]:
    """What takes minutes, and does not change with Pastiche."""
    content = judge.pair.content.rgb
    rows = {"tutorial": judge.row(lambda: judge.tutorial.adam(content, tutorial_steps))}
    if iterations:
        peer = NeuralStyle(extractor, judge.pair)
        rows["neural_style"] = judge.row(lambda: peer.run(iterations))
    return rows


def ours(judge: Judge, gatys: Gatys, fast: Method, options: StyleOptions, goal: float) -> dict[str, Row]:
    """Pastiche's ways, and the content untouched."""
    pair = judge.pair
    rows = {"content": judge.row(lambda: pair.content.rgb)}
    rows["palette"] = judge.row(lambda: colour.transport(pair.content.rgb, pair.style.rgb))
    easy = options.replace(method="fast", steps=None)
    rows["fast"] = judge.row(lambda: stylize(fast, pair.content, [pair.style], easy).picture.rgb)
    rows["pastiche"] = judge.row(lambda: stylize(gatys, pair.content, [pair.style], options).picture.rgb)
    rows["lbfgs"] = judge.row(
        lambda: judge.tutorial.lbfgs(pair.content.rgb, goal, rows["pastiche"].tutorial_seconds / 3)
    )
    return rows


def verdict(table: list[dict[str, Row]]) -> dict[str, object]:
    """The figures that the goals are about."""
    better = [t["pastiche"].r < t["tutorial"].r and t["pastiche"].lp < t["tutorial"].lp for t in table]
    in_time = [t["pastiche"].seconds <= t["pastiche"].tutorial_seconds / 20 for t in table]
    reached = [t["lbfgs"].own_loss <= t["tutorial"].own_loss * OWN_LOSS_WITHIN * 1.001 for t in table]
    third = [t["lbfgs"].seconds <= t["lbfgs"].tutorial_seconds / 3 for t in table]
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
    run = gatys.begin(Request(picture, [picture], StyleOptions(method="gatys", steps=10_000)))
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
    parser.add_argument("--steps", type=int)
    parser.add_argument("--peer-iterations", type=int, default=1000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.out:
        check_output(arguments.out)
    gatys = Gatys(settings())
    gatys.prepare()
    result: dict[str, object] = {"step": step_over_floor(gatys, arguments.side)}
    result |= verdict(_table(arguments, gatys))
    text = json.dumps(result, indent=2)
    _say(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def _table(arguments: argparse.Namespace, gatys: Gatys) -> list[dict[str, Row]]:
    evaluator, fast = Evaluator(evaluator_weights()), create_method("fast", settings())
    fast.prepare()
    options = StyleOptions(method="gatys", strength=arguments.strength / 100, steps=arguments.steps)
    extractor = gatys.extractor(options)
    peers = {"tutorial_steps": arguments.tutorial_steps, "peer_iterations": arguments.peer_iterations}
    where = {"side_px": arguments.side, "extractor": extractor.model}
    others = PairResults(arguments.keep, where | peers)
    own = PairResults(arguments.keep, where | peers | {"strength": arguments.strength, "steps": arguments.steps})
    table = []
    for pair in load_pairs(arguments.side, arguments.pairs):
        if own.of(pair.name) is None:
            judge = Judge(pair, extractor, evaluator, arguments.tutorial_steps)
            if others.of(pair.name) is None:
                others.keep(pair.name, _plain(theirs(judge, extractor, *peers.values())))
            goal = others.of(pair.name)["tutorial"]["own_loss"] * OWN_LOSS_WITHIN
            own.keep(pair.name, _plain(ours(judge, gatys, fast, options, goal)))
        table.append({way: Row(**row) for way, row in (own.of(pair.name) | others.of(pair.name)).items()})
        _say(f"{pair.name}: " + " | ".join(_cell(way, row) for way, row in table[-1].items()))
    return table


def _plain(rows: dict[str, Row]) -> dict[str, dict[str, float]]:
    return {way: asdict(row) for way, row in rows.items()}


def _cell(way: str, row: Row) -> str:
    return f"{way} {row.r:.3f}/{row.lp:.3f}/{row.ssim:.2f} {row.seconds:.1f}s of {row.tutorial_seconds:.0f}"


if __name__ == "__main__":
    main()
