"""Masks: the subject or the background is painted, the rest keeps its pixels; with every method, and in clips."""

from __future__ import annotations

import io
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nst.engine import Engine
from nst.errors import UserError
from nst.method import MethodSettings
from nst.options import REGIONS, StyleOptions
from nst.pictures.clips import open_clip
from nst.pictures.decode import decode

PALETTE = StyleOptions(method="palette")
LEFT, RIGHT = np.s_[:, 4:28], np.s_[:, 36:60]


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def right_half(mode: str, size: tuple[int, int] = (128, 80), white: object = 255) -> Image.Image:
    mask = Image.new(mode, size)
    mask.paste(white, (size[0] // 2, 0, *size))  # type: ignore[arg-type]
    return mask


CONTENT = png(Image.radial_gradient("L").resize((64, 48)).convert("RGB"))
STYLE = png(Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * turn) for turn in (0, 1, 2)]))
MASK = png(right_half("L"))
CUT_OUT = png(right_half("RGBA", white=(0, 0, 0, 255)))  # black, and visible: what is to be seen counts


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(MethodSettings(fast_model="bundled"))


def changed(engine: Engine, mask: bytes | None, options: StyleOptions, content: bytes = CONTENT) -> tuple[bool, bool]:
    """Whether the left and the right side were painted."""
    before, after = decode(content).rgb, engine.stylize(content, [STYLE], options, mask=mask).picture.rgb
    left, right = (bool(np.abs(after[side] - before[side]).max() > 0.05) for side in (LEFT, RIGHT))
    untouched = [side for side, painted in ((LEFT, left), (RIGHT, right)) if not painted]
    assert all(np.array_equal(after[side], before[side]) for side in untouched)
    return left, right


@pytest.mark.tensorflow
@pytest.mark.parametrize("method", ["palette", "fast", "gatys", "patches"])
def test_every_method_paints_the_subject_or_the_background(engine: Engine, method: str) -> None:
    options = StyleOptions(method=method, steps=3, extractor="bundled")
    assert changed(engine, MASK, options.replace(region="subject")) == (False, True)
    assert changed(engine, MASK, options.replace(region="background")) == (True, False)
    before = decode(CONTENT).rgb
    half, whole = (
        np.abs(engine.stylize(CONTENT, [STYLE], options, mask=png(Image.new("L", (64, 48), grey))).picture.rgb - before)
        for grey in (128, 255)
    )
    assert 0.4 < half.mean() / whole.mean() < 0.6, "grey is half of it"


def test_a_cut_out_is_a_mask_and_no_word_means_the_subject(engine: Engine) -> None:
    assert changed(engine, CUT_OUT, PALETTE) == (False, True)
    assert changed(engine, CUT_OUT, PALETTE.replace(region="background")) == (True, False)


def test_subject_and_background_make_up_all_of_it(engine: Engine) -> None:
    soft = png(Image.linear_gradient("L").rotate(90))

    def share(region: str) -> NDArray[np.float32]:
        flat = png(Image.new("RGB", (64, 48), (200, 200, 200)))
        painted = engine.stylize(flat, [STYLE], PALETTE.replace(region=region, strength=1.0), mask=soft).picture.rgb
        return painted - decode(flat).rgb

    assert share("subject").any()
    whole = share("subject") + share("background")
    assert np.ptp(whole.mean(axis=2)) < 0.02


def test_a_region_needs_a_mask_unless_the_picture_says_itself_what_its_subject_is(engine: Engine) -> None:
    cut_out = png(right_half("RGBA", (64, 48), (30, 90, 30, 255)))
    assert changed(engine, None, PALETTE.replace(region="subject"), cut_out)[1]
    for region, content in (("subject", CONTENT), ("background", CONTENT), ("background", cut_out)):
        with pytest.raises(UserError) as caught:
            engine.stylize(content, [STYLE], PALETTE.replace(region=region))
        assert caught.value.code == "mask_missing"


@pytest.mark.parametrize(
    ("region", "mask", "code"),
    [
        ("subject", png(Image.new("L", (32, 32), 0)), "mask_empty"),
        ("background", png(Image.new("L", (32, 32), 255)), "mask_empty"),
        ("subject", png(Image.new("RGBA", (32, 32))), "mask_empty"),
        ("subject", MASK[:60], "image_truncated"),
        ("subject", b"no picture", "image_not_an_image"),
    ],
)
def test_a_mask_that_cannot_be_used_is_told(engine: Engine, region: str, mask: bytes, code: str) -> None:
    with pytest.raises(UserError) as caught:
        engine.stylize(CONTENT, [STYLE], PALETTE.replace(region=region), mask=mask)
    assert caught.value.code == code


def test_every_frame_of_a_clip_is_painted_under_the_mask(engine: Engine, clips: ModuleType) -> None:
    film = clips.webp(clips.panned(3, 64, 48))
    clip = engine.stylize_clip(film, [STYLE], PALETTE.replace(region="background"), "image/webp", mask=MASK)
    with open_clip(clip.data, 64) as after, open_clip(film, 64) as before:
        for old, new in zip(before.frames(), after.frames(), strict=True):
            assert np.abs(new.rgb[LEFT] - old.rgb[LEFT]).mean() > 0.05
            assert np.abs(new.rgb[RIGHT] - old.rgb[RIGHT]).mean() < 0.03


def test_methods_without_steps_say_that_there_is_no_time_lapse(engine: Engine) -> None:
    made = engine.stylize(CONTENT, [STYLE], PALETTE.replace(time_lapse=True))
    assert [notice.code for notice in made.notices] == ["no_time_lapse"]


def test_regions_are_named() -> None:
    with pytest.raises(UserError) as caught:
        StyleOptions(region="sky")
    assert caught.value.detail["allowed"] == ", ".join(REGIONS)
