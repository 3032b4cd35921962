"""All methods on the same two pictures: which jobs that takes, and what each is called on the wall."""

from __future__ import annotations

from collections.abc import Sequence

from bot.texts import say
from nst.options import METHODS, StyleOptions

_CHOOSING = "auto"  # a method that only picks another
# Coarse to fine, as ``pastiche study compare`` with the quick budget. A job that gave way goes back to the head of its
# queue, so the first one trains the style's pyramid and the others find it.
_SINGAN_SCALES = (2, 4, 6)


def contest(options: StyleOptions) -> tuple[StyleOptions, ...]:
    """The options of every picture: the photo as it is, then every method, SinGAN from several start scales.

    Args:
        options: What they have in common. What only the chosen method understands is left to its own choice.
    """
    common = StyleOptions(
        strength=options.strength,
        style_weights=options.style_weights,
        max_side_px=options.max_side_px,
        colours=options.colours,
        style_scale=options.style_scale,
        seed=options.seed,
        animate=False,
    )
    untouched = common.replace(method="palette", strength=0.0)
    others = [common.replace(method=name) for name in METHODS if name not in (_CHOOSING, "singan")]
    return (untouched, *others, *(common.replace(method="singan", start_scale=scale) for scale in _SINGAN_SCALES))


def is_contest(several: Sequence[StyleOptions]) -> bool:
    """Whether a strip's pictures are of several methods."""
    return len({options.method for options in several}) > 1


def contestant(options: StyleOptions, language: str) -> str:
    """What a picture is called beside the others."""
    if options.strength == 0:
        return say("playground.untouched", language)
    if options.start_scale is not None:
        return say("playground.singan_from", language, scale=options.start_scale)
    return say(f"web.method_{options.method}", language)
