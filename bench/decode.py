"""What it costs to decode in a process of its own: medians, here and there in turn, of the same JPEG.

python -m bench.decode [--side 512] [--rounds 60]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

from bench.pictures import gradient
from nst.pictures.decode import decode
from nst.pictures.decoder import Decoder


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    data = gradient(asked.side, 37)
    with Decoder() as decoder:
        decoder.decode(data, asked.side)  # it is warm then
        here, there = [], []
        for _ in range(asked.rounds):
            here.append(_milliseconds(lambda: decode(data, asked.side)))
            there.append(_milliseconds(lambda: decoder.decode(data, asked.side)))
    more = median(there) - median(here)
    print(f"{asked.side} px: here {median(here):.1f} ms, there {median(there):.1f} ms, {more:.1f} ms more")


def _milliseconds(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
