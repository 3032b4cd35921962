"""Does strength mean the same on different pictures? R, LP and their spread over pairs and strengths.

    python -m bench.gatys_strength [--side 256] [--pairs 20] [--steps N] [--keep FILE.jsonl] [--out FILE.json]

With ``--keep`` every pair's figures are kept as they come, and a run that was cut off goes on there.

Goals: style distance falls and content distance rises with strength in at least 99 % of the steps from one strength to
the next; the spread (coefficient of variation) of LP over pairs is at most 0.10 from strength 50 up; 0 is the input.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.gatys_pairs import Pair, evaluator_weights, load_pairs, settings
from bench.pair_results import PairResults
from nst.gatys.method import Gatys
from nst.method import stylize
from nst.options import StyleOptions
from nst.output_file import check_output
from nst.quality import Evaluator

STRENGTHS = tuple(round(0.1 * index, 1) for index in range(11))
Table = NDArray[np.float64]


def measure(side_px: int, pairs: int, steps: int | None, keep: Path | None) -> tuple[Table, Table, list[bool]]:
    """R and LP, each [pairs, strengths], and whether strength 0 gave each input's very pixels."""
    gatys, evaluator = Gatys(settings()), Evaluator(evaluator_weights())
    kept = PairResults(keep, {"side_px": side_px, "steps": steps, "strengths": list(STRENGTHS)})
    ladders = []
    for pair in load_pairs(side_px, pairs):
        if kept.of(pair.name) is None:
            kept.keep(pair.name, _ladder(pair, gatys, evaluator, steps))
        ladders.append(kept.of(pair.name))
        rungs = zip(ladders[-1]["r"], ladders[-1]["lp"], strict=True)
        _say(f"{pair.name:46} " + " ".join(f"{r:.2f}/{lp:.2f}" for r, lp in rungs))
    style_left, content_lost = (np.array([ladder[name] for ladder in ladders]) for name in ("r", "lp"))
    return style_left, content_lost, [ladder["untouched"] for ladder in ladders]


def _ladder(pair: Pair, gatys: Gatys, evaluator: Evaluator, steps: int | None) -> dict[str, Any]:
    content, style = pair.content.rgb, pair.style.rgb
    made = [
        stylize(
            gatys, pair.content, [pair.style], StyleOptions(method="gatys", strength=strength, steps=steps)
        ).picture.rgb
        for strength in STRENGTHS
    ]
    return {
        "r": [evaluator.style_distance_ratio(content, rgb, style) for rgb in made],
        "lp": [evaluator.content_distance(content, rgb) for rgb in made],
        "untouched": bool(np.array_equal(made[0], content)),
    }


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
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.out:
        check_output(arguments.out)
    start_s = time.perf_counter()
    summary = summarise(*measure(arguments.side, arguments.pairs, arguments.steps, arguments.keep))
    summary |= {"side_px": arguments.side, "steps": arguments.steps, "seconds": round(time.perf_counter() - start_s)}
    text = json.dumps(summary, indent=2)
    _say(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
