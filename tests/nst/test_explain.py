"""Sheets that explain the Gatys method, with the bundled extractor."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.engine import EXPLANATION, Engine  # noqa: E402
from nst.errors import Cancelled  # noqa: E402
from nst.method import MethodSettings, Progress  # noqa: E402
from nst.options import EXPLANATIONS, StyleOptions  # noqa: E402
from nst.pictures.decode import Picture, decode, resize  # noqa: E402
from nst.sheets.explain import explain, heat  # noqa: E402

OPTIONS = StyleOptions(method="gatys", extractor="bundled", steps=12, max_side_px=64)


def photograph() -> bytes:
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "data" / "chelsea.png").read_bytes()


CONTENT = decode(photograph(), 64)
STRIPES = Picture(np.stack(np.broadcast_arrays(*[np.sin(np.arange(64) / k)[None, :] ** 2 for k in (2, 3, 5)]), -1))
STYLE = resize(Picture(STRIPES.rgb.repeat(64, axis=0).astype(np.float32)), 64, 64)


def tile(sheet: Picture, column: int, row: int, width_px: int, height_px: int) -> np.ndarray:
    left, top = 6 + column * (width_px + 6), 6 + row * (height_px + 24 + 6)
    return sheet.rgb[top : top + height_px, left : left + width_px]


def test_heat_is_dark_where_little_is_and_bright_where_much_is() -> None:
    colours = heat(np.array([[0.0, 1.0, 2.0]]))
    assert colours.shape == (1, 3, 3)
    assert list(np.argsort(colours.sum(axis=-1)[0])) == [0, 1, 2]
    assert np.ptp(heat(np.zeros((4, 4)))) == np.ptp(heat(np.zeros((4, 4)))[0, 0])


def test_feature_maps_are_of_the_photo_by_layer() -> None:
    sheet = explain("features", CONTENT, STYLE, MethodSettings(), OPTIONS)
    width, height = CONTENT.width_px, CONTENT.height_px
    for row in range(5):
        np.testing.assert_allclose(tile(sheet, 0, row, width, height), CONTENT.rgb, atol=0.01)
    fine, coarse = (tile(sheet, 1, row, width, height) for row in (0, 4))
    assert _roughness(fine) > 3 * _roughness(coarse)


def _roughness(rgb: np.ndarray) -> float:
    return float(np.abs(np.diff(rgb, axis=1)).mean())


def test_gram_matrices_are_symmetric_and_tell_two_pictures_apart() -> None:
    sheet = explain("grams", CONTENT, STYLE, MethodSettings(), OPTIONS)
    side = CONTENT.height_px
    for row in (0, 1):
        matrix = tile(sheet, 1, row, side, side)
        np.testing.assert_allclose(matrix, matrix.transpose(1, 0, 2), atol=0.02)
    assert np.abs(tile(sheet, 1, 0, side, side) - tile(sheet, 1, 1, side, side)).mean() > 0.05


def test_early_layers_bring_the_photo_back_and_deep_ones_less_of_it() -> None:
    seen: list[Progress] = []
    sheet = explain("reconstruction", CONTENT, STYLE, MethodSettings(), OPTIONS.replace(steps=40), seen.append)
    width, height = CONTENT.width_px, CONTENT.height_px
    first, last = (tile(sheet, *place, width, height) for place in ((1, 0), (2, 1)))
    errors = [float(np.square(picture - CONTENT.rgb).mean()) for picture in (first, last)]
    assert errors[0] < 0.005
    assert errors[0] < errors[1] / 4
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert seen[-1].fraction == 1.0


def test_only_gatys_brings_texture_and_only_from_a_style_that_has_some() -> None:
    sheet = explain("histogram", CONTENT, STYLE, MethodSettings(), OPTIONS.replace(steps=40))
    width, height = CONTENT.width_px, CONTENT.height_px
    matched, gatys = (_stripes(tile(sheet, column, 0, width, height)) for column in (2, 3))
    assert gatys > 2 * matched
    assert _stripes(tile(sheet, 3, 1, width, height)) < gatys / 2


def _stripes(rgb: np.ndarray) -> float:
    """How much more a picture changes across the style's stripes than along them, at their own frequency."""
    spectrum = np.abs(np.fft.rfft2(rgb.mean(axis=-1) - rgb.mean()))
    return float(spectrum[0, 4:22].mean() / spectrum[4:22, 0].mean())


def test_the_engine_makes_any_of_them_from_files_and_stops_when_told() -> None:
    engine = Engine(MethodSettings())
    assert engine.explain("grams", photograph(), photograph(), OPTIONS).method == EXPLANATION
    with pytest.raises(Cancelled):
        engine.explain("ratio", photograph(), photograph(), OPTIONS, cancelled=lambda: True)
    with pytest.raises(ValueError, match=EXPLANATIONS[0]):
        engine.explain("dreams", photograph(), photograph(), OPTIONS)
