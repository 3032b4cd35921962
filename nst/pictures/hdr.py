"""High dynamic range as Chromium shows it on a screen that has none.

What is stored becomes light by ITU-R BT.2100, 203 cd/m2 of it are white (ITU-R BT.2408), and it is toned down
by the reference white tone mapping operator of SMPTE ST 2094-50, annex C, from 1000 cd/m2 down to white.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst.pictures.formats.code_points import HLG, PQ, PRIMARIES
from nst.pictures.formats.icc import linear_to_xyz

Light = NDArray[np.float32]

_WHITE, _MOST = 203.0, 1000.0  # cd/m2
_ROWS = 64
_BT2020, _BT709 = 9, 1
# Where the operator leaves the straight line, and the two other points of its curve.
_KNEE, _MIDDLE, _END = (1.0, 0.5), (1.65, 0.825), (_MOST / _WHITE, 1.0)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)


def is_hdr(code_points: tuple[int, int] | None) -> bool:
    """Say whether ``toned_down`` knows primaries and transfer."""
    return code_points is not None and code_points[0] in PRIMARIES and code_points[1] in {PQ, HLG}


def toned_down(colour: Image.Image, primaries: int, transfer: int) -> Image.Image:
    """Bring a picture of high dynamic range to sRGB.

    Args:
        colour: Mode RGB, as it is stored.
        primaries: By ITU-T H.273.
        transfer: ``PQ`` or ``HLG``.

    Returns:
        Mode RGB.
    """
    stored = np.asarray(colour)
    shown = np.empty_like(stored)
    levels = np.arange(256) / 255
    light = (_pq(levels) if transfer == PQ else _hlg(levels)).astype(np.float32)
    inward, outward = _between(primaries, _BT2020), _between(_BT2020, _BT709)
    for top in range(0, len(stored), _ROWS):
        here = np.maximum(light[stored[top : top + _ROWS]] @ inward.T, 0)
        if transfer == HLG:
            # BT.2100's OOTF for 1000 cd/m2.
            here *= np.maximum(here @ _LUMINANCE, 1e-9)[..., None] ** 0.2 * (_MOST / _WHITE)
        seen = np.clip((here * _gain(here)[..., None]) @ outward.T, 0, 1)
        coded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
        shown[top : top + _ROWS] = np.rint(coded * 255)
    return Image.fromarray(shown)


def _pq(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light by SMPTE ST 2084, in whites."""
    root = levels ** (1 / 78.84375)
    return 10_000 / _WHITE * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _hlg(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in the scene by ARIB STD-B67, 0..1."""
    upper = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(levels <= 0.5, levels**2 / 3, upper)


def _gain(light: Light) -> Light:
    """By how much each pixel is dimmed: by its brightest component, so that its hue stays."""
    brightest = light.max(axis=-1)
    x = np.minimum(brightest, _END[0])
    # A quadratic Bezier curve: its parameter from x, then y.
    slope, bend = _MIDDLE[0] - _KNEE[0], _KNEE[0] - 2 * _MIDDLE[0] + _END[0]
    t = (np.sqrt(slope**2 + bend * np.maximum(x - _KNEE[0], 0)) - slope) / bend
    y = _KNEE[1] + 2 * t * (_MIDDLE[1] - _KNEE[1]) + t**2 * (_KNEE[1] - 2 * _MIDDLE[1] + _END[1])
    return np.where(x <= _KNEE[0], _KNEE[1], y / np.maximum(brightest, _KNEE[0])).astype(np.float32)


def _between(one: int, other: int) -> Light:
    """The matrix from linear light of some primaries to that of others."""
    matrices = [np.array(linear_to_xyz(*PRIMARIES[primaries])) for primaries in (one, other)]
    return np.asarray(np.linalg.solve(matrices[1], matrices[0]), np.float32)
