"""The SinGAN method: what start scales, colours, seeds, slices and kept pyramids do; with hardly any training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.errors import Cancelled, UserError  # noqa: E402
from nst.method import MethodSettings, Progress, Request, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402
from nst.run_state import StateError  # noqa: E402
from nst.sheets.samples import SHAPES, samples  # noqa: E402
from nst.singan.harmony import harmonise  # noqa: E402
from nst.singan.method import SinGan  # noqa: E402
from nst.singan.painting import place_of  # noqa: E402
from nst.singan.pyramid import QUICK  # noqa: E402
from nst.singan.store import MemoryPyramids, share_pyramids  # noqa: E402
from nst.singan.training import pyramid_key  # noqa: E402

OPTIONS = StyleOptions(method="singan", seed=3)


def waves(seed: int, height: int = 45, width: int = 60) -> Picture:
    """Smooth coloured blobs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    made = [np.sin(rng.uniform(4, 30) * x + rng.uniform(4, 30) * y + rng.uniform(0, 6)) for _ in range(3)]
    return Picture((0.5 + 0.4 * np.stack(made, axis=-1)).astype(np.float32), None)


CONTENT, STYLE = waves(1), waves(2)


@pytest.fixture(scope="module")
def singan() -> SinGan:
    return SinGan(MethodSettings(singan_budget="40:4"))


@pytest.fixture
def kept() -> Iterator[MemoryPyramids]:
    """A store like a worker's: what one instance trains, all have."""
    store = MemoryPyramids()
    share_pyramids(store)
    yield store
    share_pyramids(None)


def test_strength_moves_the_start_scale_without_gaps() -> None:
    places = [place_of(strength / 20, None, QUICK.sides_px) for strength in range(21)]
    assert (places[0].start, places[0].share) == (6, 0.0), "the content itself"
    assert (places[-1].start, places[-1].share) == (2, 1.0), "scale 2 of 0 to 6 is the first of at least 45 px"
    way = [place.share + 6 - place.start for place in places]
    assert way == pytest.approx(np.linspace(0, 5, 21))


@pytest.mark.parametrize("start_scale", [3, 16])
def test_a_start_scale_that_the_pyramid_has_not_is_refused(singan: SinGan, start_scale: int) -> None:
    with pytest.raises(UserError) as refused:
        stylize(singan, CONTENT, [STYLE], OPTIONS.replace(start_scale=start_scale))
    assert refused.value.detail == {"option": "start_scale", "received": str(start_scale), "allowed": "1 to 2"}


def test_a_style_is_learnt_once(singan: SinGan, kept: MemoryPyramids) -> None:
    first: list[Progress] = []
    again: list[Progress] = []
    stylize(singan, CONTENT, [STYLE], OPTIONS, first.append)
    other = SinGan(MethodSettings(singan_budget="40:4"))
    made = stylize(other, waves(5), [STYLE], OPTIONS.replace(strength=0.4, seed=9), again.append)
    assert len(first) > 7, "a step an iteration"
    assert len(again) == 2, "the start and the painting"
    assert made.picture.rgb.shape == (45, 60, 3)
    assert first[-1].step == first[-1].steps == len(first) - 1
    assert any(progress.eta_s > 0 for progress in first)
    assert first[4].preview is not None
    assert first[4].preview().rgb.shape == (45, 60, 3)


def test_a_damaged_pyramid_is_trained_anew(singan: SinGan, kept: MemoryPyramids) -> None:
    key = pyramid_key(STYLE.rgb, singan.budget(OPTIONS))
    kept.put(key, b"damage")
    seen: list[Progress] = []
    stylize(singan, CONTENT, [STYLE], OPTIONS, seen.append)
    assert len(seen) > 7
    assert kept.get(key) != b"damage", "the next one finds it whole"


def test_a_job_goes_on_elsewhere_as_if_never_interrupted(singan: SinGan, kept: MemoryPyramids) -> None:
    styles = [STYLE, waves(7)]
    run = singan.begin(Request(CONTENT, styles, OPTIONS))
    assert not run.advance(0.0), "one step"
    while run.progress().step < 9:  # the second style's training has begun
        run.advance(0.0)
    state, so_far = run.state(), run.pastiche().picture.rgb
    assert so_far.shape == CONTENT.rgb.shape, "what there is can be had when it is stopped"
    run.advance()
    share_pyramids(MemoryPyramids())  # another machine, where nothing is kept
    elsewhere = SinGan(MethodSettings(singan_budget="40:4"))
    resumed = elsewhere.begin(Request(CONTENT, styles, OPTIONS), state)
    assert resumed.progress().step == 9
    resumed.advance()
    assert np.array_equal(resumed.picture().rgb, run.picture().rgb)
    with pytest.raises(StateError):
        singan.begin(Request(CONTENT, styles, OPTIONS.replace(seed=4)), state)


def test_a_cancel_is_heard_within_an_iteration(singan: SinGan, kept: MemoryPyramids) -> None:
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        stylize(singan, CONTENT, [STYLE], OPTIONS, seen.append, lambda: len(seen) > 3)
    assert len(seen) == 4
    assert not kept._pyramids, "half a pyramid is not kept"


def test_what_is_hidden_stays_as_it_was_and_a_large_picture_keeps_its_size(
    singan: SinGan, kept: MemoryPyramids
) -> None:
    large = waves(4, 301, 199)
    alpha = np.zeros((301, 199), np.float32)
    alpha[100:] = 1.0
    made = stylize(singan, Picture(large.rgb, alpha), [STYLE], OPTIONS).picture.rgb
    assert made.shape == large.rgb.shape
    assert np.array_equal(made[:100], large.rgb[:100])
    assert np.abs(made[100:] - large.rgb[100:]).mean() > 0.02


def test_harmonising_changes_what_was_pasted_towards_the_painting_and_nothing_else(
    singan: SinGan, kept: MemoryPyramids
) -> None:
    painting, alpha = waves(8, 120, 160), np.zeros((120, 160), np.float32)
    alpha[40:80, 60:110] = 1.0
    grey = Picture(np.full((120, 160, 3), 0.5, np.float32) + 0.02 * waves(3, 120, 160).rgb, alpha)
    made = harmonise(singan, painting, grey, OPTIONS).picture.rgb
    far = np.ones((120, 160), bool)
    far[30:90, 50:120] = False
    assert np.array_equal(made[far], painting.rgb[far])
    inside = np.s_[44:76, 64:106]
    assert made[inside].std() > 2 * grey.rgb[inside].std(), "it takes the painting's contrast"
    assert np.abs(harmonise(singan, painting, grey, OPTIONS.replace(strength=0.2)).picture.rgb - made).mean() > 0.001
    with pytest.raises(UserError, match="mask_missing"):
        harmonise(singan, painting, Picture(grey.rgb), OPTIONS)
    with pytest.raises(UserError, match="mask_empty"):
        harmonise(singan, painting, Picture(grey.rgb, np.zeros_like(alpha)), OPTIONS)


def test_samples_are_of_other_sizes_and_ratios(kept: MemoryPyramids) -> None:
    options = OPTIONS.replace(max_side_px=64)
    settings = MethodSettings(singan_budget="40:4")
    sheet = samples(STYLE, settings, options).rgb
    assert len(SHAPES) == 8, "nine tiles with the style: three rows of three"
    assert sheet.shape == (3 * (64 + 24 + 6) + 6, 3 * (64 + 6) + 6, 3)
    assert np.array_equal(sheet, samples(STYLE, settings, options).rgb)
    assert not np.array_equal(sheet, samples(STYLE, settings, options.replace(seed=4)).rgb)
