"""ICC profiles made of a few numbers: what pictures say by gAMA, cHRM, cICP and nclx.

Version 2 of the ICC's specification (ICC.1:1998-09): three columns of a matrix and one curve. High dynamic range is
said by the ``cicp`` tag of ICC.1:2022, 9.2.17.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

Point = tuple[float, float]
Curve = Callable[[float], float]
_Matrix = list[list[float]]

D65: Point = (0.3127, 0.3290)
REC709: tuple[Point, Point, Point] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]


def rgb_profile(
    curve: Curve,
    primaries: Sequence[Point] = REC709,
    white: Point = D65,
    code_points: tuple[int, int] | None = None,
) -> bytes:
    """The profile of an RGB colour space.

    Args:
        curve: From what is stored to light, both 0..1.
        primaries: CIE xy of red, green and blue.
        white: CIE xy of white.
        code_points: Primaries and transfer by ITU-T H.273, where the profile has to say them.

    Raises:
        ArithmeticError: The points span no colour space.
    """
    columns = zip(*linear_to_xyz(primaries, white), strict=True)
    trc = _curve(curve)
    tags = {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    if code_points:
        tags[b"cicp"] = b"cicp\0\0\0\0" + bytes((*code_points, 0, 1))
    return _profile(b"RGB ", tags | {b"rTRC": trc, b"gTRC": trc, b"bTRC": trc})


def code_points(profile: bytes) -> tuple[int, int] | None:
    """Read primaries and transfer by ITU-T H.273 from a profile of any version; None where it does not say them."""
    for at in range(132, 132 + 12 * min(100, int.from_bytes(profile[128:132], "big")), 12):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8], "big")
            body = profile[start : start + 12]
            return (body[8], body[9]) if len(body) == 12 and body[:4] == b"cicp" else None
    return None


def grey_profile(curve: Curve) -> bytes:
    """The profile of greys; ``curve`` as in ``rgb_profile``."""
    return _profile(b"GRAY", {b"kTRC": _curve(curve)})


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"wtpt": _xyz(_D50)} | tags
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x02100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp").ljust(44, b"\0") + _fixed(_D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _fixed(values: Sequence[float]) -> bytes:
    return struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(curve: Curve) -> bytes:
    """One entry for each level of 8 bits: more are never asked for."""
    levels = [round(min(1.0, max(0.0, curve(level / 255))) * 65535) for level in range(256)]
    return struct.pack(">4sII256H", b"curv", 0, 256, *levels)


def linear_to_xyz(primaries: Sequence[Point], white: Point) -> _Matrix:
    """Find the matrix from linear RGB to XYZ under D50, by Bradford's adaptation."""
    stored = [list(row) for row in zip(*(_full(point) for point in primaries), strict=True)]
    light = _times(_inverse(stored), [[value] for value in _full(white)])
    scaled = [[value * light[column][0] for column, value in enumerate(row)] for row in stored]
    here, there = (_times(_BRADFORD, [[value] for value in point]) for point in (_full(white), _D50))
    gains = [[there[i][0] / here[i][0] if i == j else 0.0 for j in range(3)] for i in range(3)]
    return _times(_times(_inverse(_BRADFORD), _times(gains, _BRADFORD)), scaled)


def _full(point: Point) -> tuple[float, float, float]:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _times(left: _Matrix, right: _Matrix) -> _Matrix:
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*right, strict=True)] for row in left
    ]


def _inverse(matrix: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    cofactors = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    size = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    if abs(size) < 1e-9:
        raise ZeroDivisionError("no colour space")
    return [[value / size for value in row] for row in cofactors]
