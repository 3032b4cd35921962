"""Is the Gatys method's cost known before it starts? Predicted against measured, per extractor and size.

    python -m bench.gatys_cost [--sides 160,256] [--steps 12] [--extractors bundled,resnet50,...]

Extractors have random weights where they would have to be downloaded: they cost the same. Goal: errors under 25 %.
Seconds are those of the whole run, and mean something on a quiet machine only. Memory is the process's peak above what
it held before: a process that has already worked at larger sizes holds that much, so give one extractor and one size.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from nst.images import Picture
from nst.method import MethodSettings
from nst.methods.gatys import Gatys

from nst.extractors import load_extractor  # isort: skip - after nst.methods.gatys, which configures TensorFlow
from nst.options import StyleOptions
from workers.peak_memory import peak_bytes, reset_peak
from workers.vitals import rss_bytes

EXTRACTORS = ("bundled", "vgg16", "resnet50", "densenet121", "inception_v3")


def main() -> None:
    """Measure and print a line per extractor and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sides", default="160,256")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--extractors", default=",".join(EXTRACTORS))
    arguments = parser.parse_args()
    for name in arguments.extractors.split(","):
        gatys = Gatys(MethodSettings())
        options = StyleOptions(method="gatys", extractor=name, steps=arguments.steps)
        if name != "bundled":
            gatys._extractors[(name, "default")] = load_extractor(name, MethodSettings(), random_seed=1)
        for side in map(int, arguments.sides.split(",")):
            sys.stdout.write(f"{name:14} {side:5} px  " + _compare(gatys, side, options) + "\n")
            sys.stdout.flush()


def _compare(gatys: Gatys, side_px: int, options: StyleOptions) -> str:
    picture = Picture(np.random.default_rng(0).uniform(size=(side_px, side_px, 3)).astype(np.float32))
    predicted = gatys.predict(picture, options)
    reset_peak()
    before, start_s = rss_bytes(), time.perf_counter()
    gatys.stylize(picture, [picture], options)
    seconds, memory = time.perf_counter() - start_s, peak_bytes() - before
    return (
        f"{predicted.seconds:6.2f} s for {seconds:6.2f} s ({predicted.seconds / seconds - 1:+.0%})  "
        f"{predicted.memory_bytes / 2**20:6.0f} MiB for {memory / 2**20:6.0f} MiB"
    )


if __name__ == "__main__":
    main()
