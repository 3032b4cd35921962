"""The drawn presets: the same every time, unlike one another, rich enough to borrow from, and the ones that ship."""

import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.presets import catalogue
from bot.presets.builtin import BUILT_IN
from tools.presets import DRAWINGS, __main__
from tools.presets.fields import Field

PICTURES = Path(catalogue.__file__).with_name("pictures")
SMALL_PX = 96


def small(name: str) -> Field:
    return DRAWINGS[name].draw(SMALL_PX, DRAWINGS[name].seed)


def shipped(name: str) -> Field:
    with Image.open(PICTURES / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32) / 255


def luma(picture: Field) -> Field:
    weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(picture @ weights, dtype=np.float32)


def test_words_and_code_name_the_same_presets_in_the_same_order() -> None:
    assert list(BUILT_IN) == list(DRAWINGS)
    assert len(DRAWINGS) >= 12


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_follows_from_its_seed(name: str) -> None:
    first, again = small(name), small(name)
    assert first.shape == (SMALL_PX, SMALL_PX, 3)
    assert np.isfinite(first).all()
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, again)


def test_two_presets_never_look_alike() -> None:
    pictures = {name: small(name) for name in DRAWINGS}
    for one, other in combinations(pictures, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 0.08, (one, other)


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_shipped_picture_is_the_one_that_the_code_draws(name: str) -> None:
    with Image.open(io.BytesIO(__main__.drawn_jpeg(name))) as image:
        redrawn = np.asarray(image, dtype=np.float32) / 255
    assert np.abs(redrawn - shipped(name)).mean() < 0.02


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_shipped_picture_is_rich_in_tone_colour_and_edges(name: str) -> None:
    grey = luma(shipped(name))
    dark, light = np.percentile(grey, [5, 95])
    edges = np.hypot(*np.gradient(grey))
    flat = (edges.reshape(16, 32, 16, 32).mean(axis=(1, 3)) < 0.004).mean()
    assert light - dark > 0.5
    assert edges.mean() > 0.03
    assert flat < 0.1


def test_the_pictures_stay_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in PICTURES.iterdir()}
    assert set(sizes) == set(DRAWINGS)
    assert max(sizes.values()) <= 150_000
    assert sum(sizes.values()) <= 1_700_000


def test_redrawing_writes_the_named_pictures_and_a_sheet(tmp_path: Path) -> None:
    __main__.main(
        ["op-art", "--folder", str(tmp_path / "new"), "--size-px", "48", "--sheet", str(tmp_path / "sheet.jpg")]
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["op-art.jpg"]
    with Image.open(tmp_path / "new" / "op-art.jpg") as image:
        assert image.size == (48, 48)
    assert (tmp_path / "sheet.jpg").stat().st_size > 10_000


def test_redrawing_an_unknown_preset_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["mona-lisa"])
    assert "no such preset: mona-lisa (there are: woodblock-waves" in capsys.readouterr().err
