"""What a shared pass gains on this machine: pictures one by one and in passes of eight, in alternation.

    python -m bench.batches [SIDE_PX ...]

Seconds of the processor's time per picture with the bundled network, the public module's graph beside it; on a machine
with a GPU seconds of the clock, since its processor only waits. Medians of the ratios pair by pair.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.public_graph import save_public_graph
from nst.device import has_gpu
from nst.fast.batches import MOST
from nst.fast.method import Fast
from nst.method import MethodSettings, Request, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture

SIDES_PX = (128, 256, 512)
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    sides = [int(side) for side in sys.argv[1:]] or SIDES_PX
    clock, unit = (time.perf_counter, "clock s") if has_gpu() else (time.process_time, "CPU s")
    table = Table("network", "px", f"alone, {unit}", f"in eights, {unit}", "gain (median of pairs)")
    with tempfile.TemporaryDirectory() as temporary:
        public = save_public_graph(Path(temporary) / "public")
        for name, model in (("bundled", "bundled"), ("public graph", str(public))):
            method = Fast(MethodSettings(fast_model=model))
            for side in sides:
                alone_s, together_s = measure(method, side, clock)
                gain = statistics.median(one / other for one, other in zip(alone_s, together_s, strict=True)) - 1
                figures = [f"{statistics.median(column):.4f}" for column in (alone_s, together_s)]
                table.add_row(name, str(side), *figures, f"{100 * gain:+.0f} %")
    Console().print(table)


def measure(method: Fast, side_px: int, clock: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds per picture one by one and in passes of eight, round by round; the first round warms up."""
    requests = [request(side_px, seed) for seed in range(MOST)]

    def alone() -> object:
        return [stylize(method, one.content, one.styles, one.options) for one in requests]

    def together() -> object:
        return method.advance_together([method.begin(one) for one in requests])

    rounds = [(seconds(alone, clock), seconds(together, clock)) for _ in range(ROUNDS + 1)][1:]
    return [first / MOST for first, _ in rounds], [second / MOST for _, second in rounds]


def request(side_px: int, seed: int) -> Request:
    """A picture of noise, in one of two styles."""
    random = np.random.default_rng(seed)
    styles: Sequence[Picture] = [Picture(np.random.default_rng(seed % 2).random((256, 256, 3), np.float32))]
    return Request(Picture(random.random((side_px, side_px, 3), np.float32)), styles, StyleOptions())


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """What some work takes."""
    started_s = clock()
    work()
    return clock() - started_s


if __name__ == "__main__":
    main()
