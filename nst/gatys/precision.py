"""Look at pictures in reduced precision where the machine is faster in it and the pastiche stays what it is.

Only the extractor's convolutions are reduced: float16 on a GPU, bfloat16 on processors with instructions for it. The
picture, its gradient, Adam's moments, Gram matrices and losses stay float32. Whether the pastiche stays what it is,
is measured once for every extractor that is loaded: a small picture is painted in both precisions, and R and LP
(``nst.quality``) may not differ by more than 2 %. The verdict depends on nothing but weights and machine, and the
precision is part of the model's name: a job that goes on elsewhere does so in the precision that it began with, or
begins anew.

The paper's own preset is never reduced: L-BFGS takes differences of gradients, of which rounding leaves little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nst.bundled.extractor import load_bundled_extractor
from nst.device import has_gpu
from nst.extractors.load import Extractor
from nst.extractors.vgg import Precision
from nst.fast.network import probe
from nst.fast.precision import processor_has_bfloat16
from nst.gatys.objective import Objective
from nst.gatys.pictures import Rgb, prepare_material
from nst.gatys.plan import Scale
from nst.gatys.run import Run, colours_within_budget
from nst.options import StyleOptions
from nst.pictures.decode import Picture
from nst.quality import Evaluator

log = logging.getLogger(__name__)

LARGEST_CHANGE = 0.02  # of R and of LP
_SIDE_PX = 112
_STEPS = 12


class Figures(NamedTuple):
    """What the check compares: see ``nst.quality``."""

    style_left: float
    content_lost: float


def precision_at_hand(asked: str) -> Precision:
    """What this machine can do of what its operator asks for.

    Args:
        asked: ``NST_GATYS_PRECISION``: ``auto`` is float16 on a GPU and float32 on a processor, since workers with and
            without bfloat16 could not go on with each other's jobs.
    """
    if asked == "float32":
        return "float32"
    if asked == "bfloat16":
        return "bfloat16" if has_gpu() or processor_has_bfloat16() else "float32"
    return "float16" if has_gpu() else "float32"


def extractor_in(precision: Precision, load: Callable[[Precision], Extractor]) -> Extractor:
    """An extractor in reduced precision if that is good enough, else in float32.

    Args:
        precision: From ``precision_at_hand``.
        load: Loads the extractor in a precision.

    Raises:
        OperatorError: As ``load``.
    """
    plain = load("float32")
    if precision == "float32":
        return plain
    reduced = load(precision)
    return reduced if _is_good_enough(plain, reduced, precision) else plain


def _is_good_enough(plain: Extractor, reduced: Extractor, precision: Precision) -> bool:
    network = load_bundled_extractor()
    evaluator = Evaluator(lambda image: list(network.features(image).values()))
    exact = figures(plain, evaluator)
    try:
        rough = figures(reduced, evaluator)
    except tf.errors.OpError as error:  # no such kernel on this device
        log.warning("%s cannot compute in %s (%s): it stays in float32", plain.model, precision, type(error).__name__)
        return False
    change = max(abs(there / here - 1.0) for here, there in zip(exact, rough, strict=True))
    good = change <= LARGEST_CHANGE  # not so where anything is no number
    log.info(
        "%s in %s: R %.4f, LP %.4f; in float32: R %.4f, LP %.4f; it computes in %s",
        plain.model, precision, *rough, *exact, precision if good else "float32",
    )  # fmt: skip
    return good


def figures(extractor: Extractor, evaluator: Evaluator) -> Figures:
    """R and LP of a few steps on pictures made by code; the same every time on the same machine."""
    content, style = (Picture(rgb) for rgb in _pictures(max(_SIDE_PX, extractor.min_side_px)))
    options = StyleOptions(method="gatys")
    plan = (Scale(content.height_px, content.width_px, _STEPS),)
    objective = Objective(extractor)
    material = colours_within_budget(objective, prepare_material(content, [style], options), plan[0], options)
    run = Run(objective, material, plan, options)
    run.advance()
    ratios, lost = evaluator.measure(content.rgb, run.picture().rgb, [style.rgb])
    return Figures(ratios[0], lost)


def _pictures(side_px: int) -> tuple[Rgb, Rgb]:
    """Content, and a style that is nothing but coarse and fine strokes in other colours."""
    content = probe(side_px, side_px)[0]
    rows, columns = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    bent = columns + 6 * np.sin(rows / 9)
    strokes = np.sin(np.stack([bent / 1.5, bent / 2.3 + rows / 4, rows / 3 - columns / 5], -1))
    colours = np.array([[0.9, 0.2, 0.1], [0.1, 0.5, 0.3], [0.0, 0.3, 0.8]], np.float32)
    return content, np.clip(0.45 + 0.35 * strokes @ colours, 0, 1).astype(np.float32)
