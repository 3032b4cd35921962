"""The fast method with a known style against the plain tutorial script, in alternation.

    python -m bench.fast [MODEL_FOLDER]

The script is TensorFlow's tutorial: ``hub.load``, then ``module(tf.constant(content), tf.constant(style))`` for each
picture. Without a folder it runs on the public module's graph with random weights. Medians of seconds per picture,
the ratio pair by pair, and the peak memory of each in a process of its own.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.public_graph import save_public_graph
from nst.device import configure_tensorflow
from nst.images import Picture
from nst.method import MethodSettings
from nst.methods.fast import Fast
from nst.options import StyleOptions

SIDES_PX = (256, 512, 1024)
ROUNDS = 7
Paint = Callable[[], object]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else save_public_graph(Path(temporary) / "public")
        table = Table("px", "script s", "fast s", "ratio (median of pairs)", "script MiB", "fast MiB")
        for side, script_s, fast_s, ratio in _speeds(model):
            script_mib, fast_mib = (_peak_mib(model, side, name) for name in ("script", "fast"))
            figures = (f"{script_s:.3f}", f"{fast_s:.3f}", f"{ratio:.2f}", f"{script_mib:.0f}", f"{fast_mib:.0f}")
            table.add_row(str(side), *figures)
    Console().print(table)


def _speeds(model: Path) -> list[tuple[int, float, float, float]]:
    rows = []
    makers = (_script(model), _fast(model))
    for side in SIDES_PX:
        script, fast = (make(side) for make in makers)
        pairs = [(_seconds(script), _seconds(fast)) for _ in range(ROUNDS + 1)][1:]
        ratio = statistics.median(first / second for first, second in pairs)
        rows.append((side, *(statistics.median(column) for column in zip(*pairs, strict=True)), ratio))
    return rows


def _script(model: Path) -> Callable[[int], Paint]:
    tf = configure_tensorflow()
    import tensorflow_hub as hub

    loaded = hub.load(str(model))

    def make(side: int) -> Paint:
        content, style = (picture.rgb[None] for picture in _pictures(side))
        # Through `loaded` each time: its functions do not keep its variables alive.
        return lambda: (loaded if callable(loaded) else loaded.paint)(tf.constant(content), tf.constant(style))[
            0
        ].numpy()

    return make


def _fast(model: Path) -> Callable[[int], Paint]:
    method = Fast(MethodSettings(fast_model=str(model)))

    def make(side: int) -> Paint:
        content, style = _pictures(side)
        return lambda: method.stylize(content, [style], StyleOptions(max_side_px=side))

    return make


def _pictures(side: int) -> tuple[Picture, Picture]:
    random = np.random.default_rng(side)
    return Picture(random.random((side, side, 3), np.float32)), Picture(random.random((256, 256, 3), np.float32))


def _seconds(paint: Paint) -> float:
    started = time.perf_counter()
    paint()
    return time.perf_counter() - started


def _peak_mib(model: Path, side: int, name: str) -> float:
    command = [sys.executable, "-c", "import bench.fast; bench.fast.paint_alone()", str(model), str(side), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def paint_alone() -> None:
    """In a process of its own: paint three pictures and print the peak memory."""
    model, side, name = sys.argv[1:]
    paint = {"script": _script, "fast": _fast}[name](Path(model))(int(side))
    for _ in range(3):
        paint()
    # Not ru_maxrss: a child inherits its parent's.
    print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)  # type: ignore[index]


if __name__ == "__main__":
    main()
