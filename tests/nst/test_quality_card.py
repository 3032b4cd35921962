"""Quality cards, with the shipped evaluator and with SqueezeNet where SHARED_DIR has it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst import colour  # noqa: E402
from nst.errors import OperatorError  # noqa: E402
from nst.pictures.decode import Picture, encode, fit  # noqa: E402
from nst.quality import Appraiser  # noqa: E402


def sample(name: str) -> Picture:
    """A photograph of scikit-image's; its functions have no types."""
    return fit(Picture(np.asarray(getattr(data, name)(), np.float32)[..., :3] / np.float32(255)), 300)


CAT, RETINA, COFFEE = sample("chelsea"), sample("retina"), sample("coffee")
MOVED = Picture(np.clip(colour.transport(CAT.rgb, COFFEE.rgb), 0, 1).astype(np.float32))
FILES = {name: encode(p, "image/png") for name, p in (("cat", CAT), ("retina", RETINA), ("coffee", COFFEE))}
MOVED_FILE = encode(MOVED, "image/png")


@pytest.fixture(scope="module", params=["bundled", "squeezenet"])
def appraiser(request: pytest.FixtureRequest) -> Appraiser:
    if request.param == "bundled":
        return Appraiser()
    weights = request.getfixturevalue("shared_dir") / "models/features/squeezenet_v10.npz"
    return Appraiser(str(weights))


def test_the_photograph_itself_is_all_content_and_no_style(appraiser: Appraiser) -> None:
    card = appraiser.card(FILES["cat"], [FILES["retina"]], [1.0], FILES["cat"], 2.5, 1024)
    assert (card.style_left, card.content_lost, card.ssim_content) == pytest.approx((1, 0, 1), abs=1e-3)
    assert (card.seconds, card.memory_bytes, card.evaluator) == (2.5, 1024, appraiser.identity)
    assert json.loads(json.dumps(card.as_dict())) == card.as_dict()


def test_the_style_itself_is_all_style(appraiser: Appraiser) -> None:
    card = appraiser.card(FILES["cat"], [FILES["coffee"]], [1.0], FILES["coffee"])
    assert card.style_left < 0.2
    assert card.content_lost > 0.2
    assert card.ssim_style > 0.95 > 0.6 > card.ssim_content


def test_colours_that_moved_lie_between(appraiser: Appraiser) -> None:
    card = appraiser.card(FILES["cat"], [FILES["coffee"]], [1.0], MOVED_FILE)
    assert card.style_left < 0.95
    assert 0 < card.content_lost < 1
    assert 0.3 < card.ssim_content < 1


def test_a_mix_is_the_mean_by_weights(appraiser: Appraiser) -> None:
    arts = [FILES["retina"], FILES["coffee"]]
    first, second = (appraiser.card(FILES["cat"], [art], [1.0], MOVED_FILE) for art in arts)
    mixed = appraiser.card(FILES["cat"], arts, [0.75, 0.25], MOVED_FILE)
    assert mixed.style_left == pytest.approx(0.75 * first.style_left + 0.25 * second.style_left, abs=2e-4)
    assert mixed.ssim_style == pytest.approx(0.75 * first.ssim_style + 0.25 * second.ssim_style, abs=2e-4)
    assert mixed.content_lost == first.content_lost


@pytest.mark.parametrize("size", [(16, 200), (300, 16), (40, 17)])
def test_thin_pictures_have_cards_as_well(appraiser: Appraiser, size: tuple[int, int]) -> None:
    thin = encode(Picture(CAT.rgb[: size[1], : size[0]]), "image/png")
    card = appraiser.card(thin, [thin], [1.0], thin)
    assert card.content_lost == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("content", "code"), [(None, "weights_missing"), (b"PK no archive", "model_unusable")])
def test_weights_that_cannot_be_had_are_the_operators_error(content: bytes | None, code: str, tmp_path: Path) -> None:
    file = tmp_path / "evaluator.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        Appraiser(str(file))
    assert caught.value.code == code
