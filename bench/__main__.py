"""``make bench``: every measurement, or those named: ``make bench ARGS="queue frontends"``.

Each module of ``MODULES`` measures one thing and prints its own table; figures are medians, and
comparisons are ratios within one run, since machines are noisy.
"""

from __future__ import annotations

import sys
from importlib import import_module

MODULES = {
    "frontends": "bench.frontends",
    "decode": "bench.decode",
    "queue": "bench.queue",
    "flood": "bench.flood",
    "fast": "bench.fast",
    "batches": "bench.batches",
    "gatys": "bench.gatys",
    "challenges": "bench.challenges",
}


def main(names: list[str]) -> int:
    """Run measurements.

    Args:
        names: Of ``MODULES``; all of them if empty.
    """
    unknown = sorted(set(names) - MODULES.keys())
    if unknown:
        sys.stderr.write(f"No such measurement: {', '.join(unknown)}. There are: {', '.join(MODULES)}.\n")
        return 2
    for name in names or MODULES:
        sys.argv = [name]  # each has options of its own, at their defaults here
        import_module(MODULES[name]).main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
