"""Do quality cards of the shipped evaluator say what SqueezeNet's say? Correlations over results of the Gatys method.

    python -m bench.quality_cards [--side 128] [--pairs 20] [--extractor NAME]

Beside the correlation over all results, which has the differences between pairs in it, stands how often the two agree
on which of two results of one pair is closer: what a card is for. Results come from the VGG at hand by default; those
that were optimised through the evaluator itself (``--extractor bundled``) are flattered by it.
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bench.gatys_pairs import evaluator_weights, load_pairs, settings
from nst.gatys.method import Gatys
from nst.method import stylize
from nst.options import StyleOptions
from nst.quality import Appraiser

STRENGTHS = (0.3, 0.6, 1.0)
Table = NDArray[np.float64]


def measure(side_px: int, pairs: int, extractor: str | None) -> Table:
    """Figures [pairs, strengths, evaluators (bundled, SqueezeNet), (ln R, LP)]."""
    gatys, appraisers = Gatys(settings()), (Appraiser(), Appraiser(str(evaluator_weights())))
    rows: list[list[list[tuple[float, float]]]] = []
    for pair in load_pairs(side_px, pairs):
        rows.append([])
        for strength in STRENGTHS:
            options = StyleOptions(method="gatys", strength=strength, extractor=extractor)
            made = stylize(gatys, pair.content, [pair.style], options).picture
            cards = [appraiser.appraise(pair.content, [pair.style], [1.0], made) for appraiser in appraisers]
            rows[-1].append([(float(np.log(card.style_left)), card.content_lost) for card in cards])
        sys.stderr.write(f"{pair.name}\n")
    return np.array(rows)


def correlation(figures: Table) -> float:
    """Pearson's, of two columns [results, evaluators]."""
    first, second = (figures - figures.mean(axis=0)).T
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def agreement(figures: Table) -> float:
    """How often both evaluators order two results of one pair alike, 0..1; figures [pairs, strengths, evaluators]."""
    signs = [np.sign(figures[:, a] - figures[:, b]) for a, b in combinations(range(figures.shape[1]), 2)]
    return float(np.mean([sign[:, 0] == sign[:, 1] for sign in signs]))


def main() -> None:
    """Measure and print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--extractor")
    arguments = parser.parse_args()
    table = measure(arguments.side, arguments.pairs, arguments.extractor)
    for index, name in enumerate(("ln R", "LP")):
        figures = table[..., index]
        flat = figures.reshape(-1, 2)
        by_strength = ", ".join(f"{correlation(each):.2f}" for each in figures.swapaxes(0, 1))
        sys.stdout.write(
            f"{name:5} correlation {correlation(flat):.2f} over {len(flat)} results; "
            f"at strengths {STRENGTHS}: {by_strength}; "
            f"two results of one pair in the same order: {agreement(figures):.0%}\n"
        )


if __name__ == "__main__":
    main()
