"""Harmonisation: a region pasted into a painting takes the painting's patches (SinGAN, section 4.3).

The pyramid is trained on the painting, the composite is put in at a fine scale, and only what was pasted, with a soft
edge, is kept of the result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from nst.errors import UserError
from nst.method import IsCancelled, Pastiche, Report, never_cancelled, no_report, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture, resize
from nst.singan.method import SinGan

Floats = NDArray[np.float32]

START_PX = 75.0  # coarser start scales change what the pasted thing is, finer ones hardly touch it
_EDGE_OF_SIDE = 1 / 100
_NOTHING = 0.02


def harmonise(
    singan: SinGan,
    background: Picture,
    pasted: Picture,
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Pastiche:
    """Lay a picture over a painting and let it take the painting's texture and colours.

    Args:
        singan: The method; it may know the painting already.
        background: The painting.
        pasted: What lies over it, stretched to its size; its alpha says where.
        options: ``strength`` says how much of the texture and of the colours is taken; ``start_scale`` None for the
            first of at least ``START_PX``.
        report: Told about progress.
        cancelled: Asked before every step.

    Returns:
        The composite, of the background's size; far from what was pasted every pixel is the background's.

    Raises:
        UserError: ``mask_missing``: nothing of ``pasted`` is transparent; ``mask_empty``: all is.
        Cancelled: ``cancelled()`` was true.
    """
    if pasted.alpha is None:
        raise UserError("mask_missing")
    if pasted.alpha.max() < _NOTHING:
        raise UserError("mask_empty", {"region": "subject"})
    laid = resize(pasted, background.width_px, background.height_px)
    alpha = np.asarray(laid.alpha, np.float32)
    composite = background.rgb + alpha[..., None] * (laid.rgb - background.rgb)
    if options.start_scale is None:
        sides_px = singan.budget(options).sides_px
        fine = next((scale for scale, side in enumerate(sides_px) if side >= START_PX), len(sides_px) - 1)
        options = options.replace(start_scale=fine)
    style = Picture(background.rgb)
    return stylize(singan, Picture(composite, _softened(alpha)), [style], options, report, cancelled)


def _softened(alpha: Floats) -> Floats:
    """The region, a little larger and with a soft edge, as the authors' code dilates and blurs its mask."""
    edge_px = max(1.0, _EDGE_OF_SIDE * max(alpha.shape))
    grown = maximum_filter(alpha, 2 * round(edge_px) + 1)
    return np.asarray(gaussian_filter(grown, edge_px / 2, truncate=3.0).clip(0, 1), np.float32)
