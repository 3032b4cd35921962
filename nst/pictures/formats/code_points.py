"""Colours said by two numbers, as PNG's cICP and AVIF's and HEIC's nclx boxes say them: ITU-T H.273, tables 2 and 3."""

from __future__ import annotations

from nst.pictures.formats.icc import D65, REC709, Curve, Point, rgb_profile

PQ, HLG = 16, 18
PRIMARIES: dict[int, tuple[tuple[Point, Point, Point], Point]] = {
    1: (REC709, D65),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.314, 0.351)),
    12: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65),
}
_SRGB = 13
_FILMS = (1, 6, 14, 15)


def _srgb(level: float) -> float:
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4


def power(exponent: float) -> Curve:
    """Make the curve of a gamma."""
    return lambda level: float(level**exponent)


# Films' curve as screens show it, by BT.1886. Those of high dynamic range are for readers that know no better.
_CURVES: dict[int, Curve] = dict.fromkeys(_FILMS, power(2.4))
_CURVES |= {4: power(2.2), 5: power(2.8), 8: power(1), _SRGB: _srgb, PQ: power(2.4), HLG: power(2.4)}


def coded_profile(primaries: int, transfer: int) -> bytes | None:
    """Make the ICC profile of two code points.

    Args:
        primaries: Of table 2.
        transfer: Of table 3; ``PQ`` and ``HLG`` are said in the profile's ``cicp`` tag.

    Returns:
        The profile, or None for what is not specified or not known.
    """
    if primaries not in PRIMARIES or transfer not in _CURVES:
        return None
    said = (primaries, transfer) if transfer in {PQ, HLG} else None
    return rgb_profile(_CURVES[transfer], *PRIMARIES[primaries], code_points=said)


def still_profile(primaries: int, transfer: int) -> bytes | None:
    """Make that of an nclx box: in stills Chromium takes films' curves for sRGB's."""
    return coded_profile(primaries, _SRGB if transfer in _FILMS else transfer)
