"""Contact sheets of the Gatys method's choices, with a tiny random VGG."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.errors import Cancelled, UserError  # noqa: E402
from nst.method import MethodSettings, Progress  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402
from nst.sheets.study import RATIOS, Tile, contact_sheet, study  # noqa: E402

RNG = np.random.default_rng(8)
CONTENT, STYLE = (Picture(RNG.uniform(size=(40, 48, 3)).astype(np.float32), None) for _ in range(2))
OPTIONS = StyleOptions(method="gatys", gatys_preset="gatys2016", steps=2)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> MethodSettings:
    arrays, channels = {}, 3
    for block, length in enumerate((2, 2, 4, 4, 1), 1):
        for index in range(1, length + 1):
            arrays[f"block{block}_conv{index}/kernel"] = RNG.normal(0, 0.3, (3, 3, channels, 4)).astype(np.float32)
            arrays[f"block{block}_conv{index}/bias"] = np.zeros(4, np.float32)
            channels = 4
    file = tmp_path_factory.mktemp("weights") / "tiny.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return MethodSettings(vgg_weights=str(file))


def test_tiles_lie_where_they_belong_with_a_label_below() -> None:
    red, blue = (Picture(np.full((30, 40, 3), colour, np.float32), None) for colour in ((1, 0, 0), (0, 0, 1)))
    sheet = contact_sheet([Tile(red, "red"), Tile(blue, "blue"), Tile(red, "")], columns=2).rgb
    np.testing.assert_array_equal(sheet[10, 10], (1, 0, 0))
    np.testing.assert_array_equal(sheet[10, 60], (0, 0, 1))
    np.testing.assert_array_equal(sheet[70, 10], (1, 0, 0))
    assert (sheet[36:60, 6:46] < 0.5).any()
    assert not (sheet[96:, 6:46] < 0.5).any()


@pytest.mark.parametrize(("kind", "tiles"), [("ratio", 2 + len(RATIOS)), ("layers", 2 + 5)])
def test_a_study_shows_both_pictures_and_every_choice(kind: str, tiles: int, settings: MethodSettings) -> None:
    seen: list[Progress] = []
    sheet = study(kind, CONTENT, STYLE, settings, OPTIONS, report=seen.append).rgb
    columns = int(np.ceil(np.sqrt(tiles)))
    assert sheet.shape[1] == columns * (48 + 6) + 6
    np.testing.assert_allclose(sheet[6:46, 6:54], CONTENT.rgb, atol=0.003)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_the_papers_figures_start_from_noise(settings: MethodSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst.sheets.study.RATIOS", (1e-3,))
    monkeypatch.setattr("nst.sheets.study.STEPS", 1)
    chosen = OPTIONS.replace(steps=None)
    tiles = [study("ratio", CONTENT, STYLE, settings, chosen.replace(seed=seed)).rgb[70:110, :48] for seed in (1, 2)]
    assert np.abs(tiles[0] - tiles[1]).mean() > 0.02


def test_an_unknown_study_is_the_users_error_and_a_known_one_can_be_cancelled(settings: MethodSettings) -> None:
    with pytest.raises(UserError):
        study("colours", CONTENT, STYLE, settings, OPTIONS)
    with pytest.raises(Cancelled):
        study("ratio", CONTENT, STYLE, settings, OPTIONS, cancelled=lambda: True)
