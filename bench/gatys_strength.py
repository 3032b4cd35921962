"""Does strength mean the same on different pictures? R, LP and their spread over pairs and strengths.

    python -m bench.gatys_strength [--side 256] [--pairs 20] [--steps N] [--out FILE.json]

Goals: style distance falls and content distance rises with strength in at least 99 % of the steps from one strength to
the next; the spread (coefficient of variation) of LP over pairs is at most 0.10 from strength 50 up; 0 is the input.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.gatys_pairs import evaluator_weights, load_pairs, settings
from nst.methods.gatys import Gatys
from nst.options import StyleOptions
from nst.quality import Evaluator

STRENGTHS = tuple(round(0.1 * index, 1) for index in range(11))
Table = NDArray[np.float64]


def measure(side_px: int, pairs: int, steps: int | None) -> tuple[Table, Table, list[bool]]:
    """R and LP, each [pairs, strengths], and whether strength 0 gave each input's very pixels."""
    gatys, evaluator = Gatys(settings()), Evaluator(evaluator_weights())
    style_left, content_lost, untouched = [], [], []
    for pair in load_pairs(side_px, pairs):
        rungs = []
        for strength in STRENGTHS:
            options = StyleOptions(method="gatys", strength=strength, steps=steps)
            made = gatys.stylize(pair.content, [pair.style], options).picture.rgb
            if strength == 0:
                untouched.append(bool(np.array_equal(made, pair.content.rgb)))
            left = evaluator.style_distance_ratio(pair.content.rgb, made, pair.style.rgb)
            rungs.append((left, evaluator.content_distance(pair.content.rgb, made)))
        _say(f"{pair.name:46} " + " ".join(f"{r:.2f}/{lp:.2f}" for r, lp in rungs))
        style_left.append([r for r, _ in rungs])
        content_lost.append([lp for _, lp in rungs])
    return np.array(style_left), np.array(content_lost), untouched


def summarise(style_left: Table, content_lost: Table, untouched: list[bool]) -> dict[str, object]:
    """The figures that the goals are about."""
    falls, rises = np.diff(style_left, axis=1) < 0, np.diff(content_lost, axis=1) > 0
    spread = content_lost[:, 1:].std(axis=0) / content_lost[:, 1:].mean(axis=0)
    return {
        "pairs": len(style_left),
        "style_distance_falls": float(falls.mean()),
        "content_distance_rises": float(rises.mean()),
        "spread_of_lp": dict(zip(map(str, STRENGTHS[1:]), spread.round(4).tolist(), strict=True)),
        "mean_r": np.exp(np.log(style_left).mean(axis=0)).round(4).tolist(),
        "mean_lp": content_lost.mean(axis=0).round(4).tolist(),
        "strength_0_is_the_input": all(untouched),
    }


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, print the figures, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    start_s = time.perf_counter()
    summary = summarise(*measure(arguments.side, arguments.pairs, arguments.steps))
    summary |= {"side_px": arguments.side, "steps": arguments.steps, "seconds": round(time.perf_counter() - start_s)}
    text = json.dumps(summary, indent=2)
    _say(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
