"""300 jobs of 300 sizes: does memory grow, is anything traced anew?

SHARED_DIR=../shared python -m bench.fast_sizes [MODEL_FOLDER]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import psutil

from nst.device import configure_tensorflow
from nst.fast.method import Fast
from nst.method import MethodSettings, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture

JOBS, SETTLED = 300, 50


def main() -> None:
    """Measure and print."""
    configure_tensorflow()
    shared = Path(os.environ.get("SHARED_DIR", "../shared"))
    model = sys.argv[1] if len(sys.argv) > 1 else str(shared / "models" / "magenta_savedmodel")
    fast = Fast(MethodSettings(fast_model=model))
    random = np.random.default_rng(0)
    style = Picture(random.random((256, 256, 3), np.float32))
    sizes = {(int(h), int(w)) for h, w in random.integers(64, 768, (3 * JOBS, 2))}
    rss_mib = []
    for height, width in sorted(sizes, key=lambda size: random.random())[:JOBS]:
        stylize(fast, Picture(random.random((height, width, 3), np.float32)), [style], StyleOptions(strength=0.8))
        rss_mib.append(psutil.Process().memory_info().rss / 2**20)
    for done in (1, 10, SETTLED, 100, 150, 200, 250, JOBS):
        print(f"after {done:3} jobs {rss_mib[done - 1]:.0f} MiB")
    print(f"growth after the first {SETTLED}: {100 * (rss_mib[-1] / rss_mib[SETTLED - 1] - 1):.1f} %")


if __name__ == "__main__":
    main()
