"""Train the bundled networks.

`python -m tools.train --photos DIR --styles DIR --teacher DIR --features DIR --out DIR [--minutes N] [--seed 0]`

Stopped at any moment, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nst.output_file import check_folder
from tools.train import curves, export, report
from tools.train.recipe import Effort, Recipe, Sources

_LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the recipe; weights, checksums, curves, figures and the model card go to --out."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options = _parser().parse_args(arguments)
    check_folder(options.out, parents=True)
    sources = Sources(tuple(options.photos), tuple(options.styles), options.teacher, options.features, options.out)
    effort = Effort(options.minutes, options.bank, options.steps, options.side, options.batch, options.seed)
    recipe = Recipe(sources, effort)
    wanted = options.only or ("network", "extractor")
    shipped = options.out / "weights"
    if "network" in wanted:
        size = export.export(shipped / "network.npz", recipe.train_transformer() | recipe.train_encoder())
        _LOG.info("network.npz has %d bytes", size)
    if "extractor" in wanted:
        size = export.export(shipped / "extractor.npz", recipe.train_extractor())
        _LOG.info("extractor.npz has %d bytes", size)
    export.write_checksums(shipped)
    curves.draw_curves(recipe.histories, options.out / "curves.png")
    figures = report.held_out_figures(sources, shipped)
    (options.out / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    report.write_model_card(options.out / "MODEL_CARD.md", recipe, figures, asdict(effort))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.train", description=__doc__)
    parser.add_argument("--photos", nargs="+", type=Path, required=True, help="folders of photographs")
    parser.add_argument("--styles", nargs="+", type=Path, required=True, help="folders of style pictures")
    parser.add_argument("--teacher", type=Path, required=True, help="SavedModel called as module(content, style)")
    parser.add_argument("--features", type=Path, required=True, help="folder with vgg19_16x.npz, squeezenet_v10.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and results")
    parser.add_argument("--minutes", type=float, default=90.0, help="of training in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=10**9, help="at most in each run")
    parser.add_argument("--bank", type=int, default=8000, help="augmented styles")
    parser.add_argument("--side", type=int, default=96, help="of the crops, in px")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=("network", "extractor"))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
