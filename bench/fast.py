"""The fast method with a known style against the plain tutorial script, in alternation.

    python -m bench.fast [MODEL_FOLDER]

The script is TensorFlow's tutorial: ``hub.load``, then ``module(tf.constant(content), tf.constant(style))`` for each
picture, with a style of 256 x 256 px. Without a folder it runs on the public module's graph with random weights, and in
float32, because whether less is allowed depends on the weights. Medians of the processor's seconds per picture (all
cores together), the ratio pair by pair, also of seconds on the clock, and the peak memory of each in a process of its
own. 513 px is the size at which padding to a bucket costs most.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.public_graph import save_public_graph
from nst.device import configure_tensorflow
from nst.fast.method import Fast
from nst.method import MethodSettings, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture

SIZES_PX = ((256, 256), (512, 512), (1024, 1024), (333, 500), (513, 513))
ROUNDS = 7
Paint = Callable[[], object]
Size = tuple[int, int]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else save_public_graph(Path(temporary) / "public")
        headings = ("px", "script CPU s", "fast CPU s", "ratio", "ratio by the clock", "script MiB", "fast MiB")
        table = Table(*headings)
        for size, *speeds in _speeds(model):
            memory = (_peak_mib(model, size, name) for name in ("script", "fast"))
            table.add_row("{} x {}".format(*size), *speeds, *(f"{mib:.0f}" for mib in memory))
    Console().print(table)


def _speeds(model: Path) -> Iterator[tuple[Size, str, str, str, str]]:
    makers = (_script(model), _fast(model))
    for size in SIZES_PX:
        script, fast = (make(size) for make in makers)
        pairs = [(_seconds(script), _seconds(fast)) for _ in range(ROUNDS + 1)][1:]
        processor, clock = ([(first[kind], second[kind]) for first, second in pairs] for kind in range(2))
        medians = (f"{statistics.median(column):.3f}" for column in zip(*processor, strict=True))
        ratios = (f"{statistics.median(one / other for one, other in kind):.2f}" for kind in (processor, clock))
        yield (size, *medians, *ratios)  # type: ignore[misc]


def _script(model: Path) -> Callable[[Size], Paint]:
    tf = configure_tensorflow()
    import tensorflow_hub as hub

    loaded = hub.load(str(model))

    def make(size: Size) -> Paint:
        content, style = (picture.rgb[None] for picture in _pictures(size))
        # Through `loaded` each time: its functions do not keep its variables alive.
        return lambda: (loaded if callable(loaded) else loaded.paint)(tf.constant(content), tf.constant(style))[
            0
        ].numpy()

    return make


def _fast(model: Path) -> Callable[[Size], Paint]:
    method = Fast(MethodSettings(fast_model=str(model)), bfloat16=False)

    def make(size: Size) -> Paint:
        content, style = _pictures(size)
        return lambda: stylize(method, content, [style], StyleOptions(max_side_px=max(size)))

    return make


def _pictures(size: Size) -> tuple[Picture, Picture]:
    random = np.random.default_rng(size)
    return Picture(random.random((*size, 3), np.float32)), Picture(random.random((256, 256, 3), np.float32))


def _seconds(paint: Paint) -> tuple[float, float]:
    """Of the processor, and on the clock."""
    started = time.process_time(), time.perf_counter()
    paint()
    return time.process_time() - started[0], time.perf_counter() - started[1]


def _peak_mib(model: Path, size: Size, name: str) -> float:
    command = [sys.executable, "-c", "import bench.fast; bench.fast.paint_alone()", str(model), *map(str, size), name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def paint_alone() -> None:
    """In a process of its own: paint three pictures and print the peak memory."""
    model, height, width, name = sys.argv[1:]
    paint = {"script": _script, "fast": _fast}[name](Path(model))((int(height), int(width)))
    for _ in range(3):
        paint()
    # Not ru_maxrss: a child inherits its parent's.
    print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)  # type: ignore[index]


if __name__ == "__main__":
    main()
