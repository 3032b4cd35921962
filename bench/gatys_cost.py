"""Is the Gatys method's cost known before it starts? Predicted against measured, per extractor and size.

    python -m bench.gatys_cost [--sides 160,256,384] [--strengths 100,50] [--steps 12] [--extractors bundled,vgg19,...]
        [--factors]

Every line has a process of its own, for TensorFlow keeps what it once took for the next job; extractors
get random weights where they would have to be downloaded: they cost the same. ``file`` is that of ``NST_VGG_WEIGHTS``.
Steps are the plan's own by default. Goal: errors under 25 %.

Seconds are the processor's, those of the model's own measurement and those of whole jobs, so that a busy machine counts
for nothing. Memory is the process's peak above what it held before the job. ``--factors`` prints the peak beside the
bytes of the network's activations instead: what the table in ``nst.gatys.cost`` is fitted to.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from itertools import product

import numpy as np

from nst.device import return_freed_memory
from nst.gatys.method import Gatys
from nst.method import MethodSettings, stylize
from nst.pictures.decode import Picture

from nst.extractors.load import load_extractor  # isort: skip - after nst.gatys.method, which configures TensorFlow
from nst.gatys.cost import activation_bytes_per_pixel, fit_speed, memory_model, predict
from nst.options import EXTRACTORS, StyleOptions
from workers.worker.vitals import peak_bytes, reset_peak, rss_bytes

_MIB = 2**20
_WARM_UP_PX = 64


def main() -> None:
    """Measure and print a line per extractor and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sides", default="160,256,384")
    parser.add_argument("--strengths", default="100")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--extractors", default=",".join(EXTRACTORS))
    parser.add_argument("--factors", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        _measure(arguments.extractors, int(arguments.sides), arguments)
        return
    for name in arguments.extractors.split(","):
        for side, percent in product(arguments.sides.split(","), arguments.strengths.split(",")):
            again = [sys.executable, "-m", "bench.gatys_cost", *sys.argv[1:], "--here", "--strengths", percent]
            subprocess.run([*again, "--extractors", name, "--sides", side], check=True)  # noqa: S603 - this very module


def _measure(name: str, side_px: int, arguments: argparse.Namespace) -> None:
    gatys = Gatys(MethodSettings(vgg_weights=os.environ["NST_VGG_WEIGHTS"] if name == "file" else ""))
    extractor = None if name == "file" else name
    options = StyleOptions(method="gatys", extractor=extractor, steps=1 if arguments.factors else arguments.steps)
    if name not in ("bundled", "file"):
        gatys._extractors[(name, "default")] = load_extractor(name, MethodSettings(), random_seed=1)
    _job(gatys, _WARM_UP_PX, options)  # traced, and all that is held from then on
    compare = _factor if arguments.factors else _compare
    line = compare(gatys, side_px, options.replace(strength=int(arguments.strengths) / 100))
    sys.stdout.write(f"{name:14} {side_px:5} px  strength {arguments.strengths:>3}  {line}\n")
    sys.stdout.flush()


def _factor(gatys: Gatys, side_px: int, options: StyleOptions) -> str:
    memory = _job(gatys, side_px, options)[1]
    activations = activation_bytes_per_pixel(gatys.extractor(options)) * side_px**2
    return f"{memory / _MIB:6.0f} MiB, {memory / activations:.3f} of {activations / _MIB:.0f} MiB of activations"


def _compare(gatys: Gatys, side_px: int, options: StyleOptions) -> str:
    seconds, memory = _job(gatys, side_px, options)
    speed = fit_speed(lambda side: gatys._probe(side, options), time.process_time)
    predicted = predict(gatys._plan(_picture(side_px), options), speed, memory_model(gatys.extractor(options)))
    return (
        f"{predicted.seconds:6.2f} s for {seconds:6.2f} s ({predicted.seconds / seconds - 1:+.0%})  "
        f"{predicted.memory_bytes / _MIB:6.0f} MiB for {memory / _MIB:6.0f} MiB "
        f"({predicted.memory_bytes / memory - 1:+.0%})"
    )


def _job(gatys: Gatys, side_px: int, options: StyleOptions) -> tuple[float, int]:
    """Seconds of the processor and bytes above what was held."""
    picture = _picture(side_px)
    return_freed_memory()
    reset_peak()
    before, start_s = rss_bytes(), time.process_time()
    stylize(gatys, picture, [picture], options)
    return time.process_time() - start_s, peak_bytes() - before


def _picture(side_px: int) -> Picture:
    return Picture(np.random.default_rng(0).uniform(size=(side_px, side_px, 3)).astype(np.float32))


if __name__ == "__main__":
    main()
