"""All methods on one sheet, with the figures that a quality card has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.errors import Cancelled  # noqa: E402
from nst.method import MethodSettings, Progress  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402
from nst.sheets.comparison import compare, contenders  # noqa: E402
from nst.sheets.study import Tile, contact_sheet  # noqa: E402

RNG = np.random.default_rng(12)
CONTENTS = [Picture(RNG.uniform(size=(height, 64, 3)).astype(np.float32)) for height in (48, 48)]
STYLE = Picture(np.full((90, 60, 3), (0.8, 0.3, 0.1), np.float32) * RNG.uniform(0.5, 1, (90, 60, 3)).astype(np.float32))
SETTINGS = MethodSettings(fast_model="bundled", singan_budget="quick")
QUICK = StyleOptions(max_side_px=72, steps=1, extractor="bundled")


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written under the cells of the next sheet."""
    written: list[str] = []

    def keep(tiles: Sequence[Tile], *rest: Any) -> Picture:
        written.extend(tile.label for tile in tiles)
        return contact_sheet(tiles, *rest)

    monkeypatch.setattr("nst.sheets.comparison.contact_sheet", keep)
    return written


def test_all_methods_have_their_columns() -> None:
    names = [column.name for column in contenders(SETTINGS, QUICK)]
    assert names[:5] == ["histogram matching", "Monge-Kantorovich", "fast", "gatys", "patches"]
    assert names[5:] == ["singan from scale 2", "singan from scale 4", "singan from scale 6"]


def test_a_row_for_every_pair_and_a_column_for_every_contender_with_its_figures(
    labels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = contenders(SETTINGS, QUICK)[:3]
    monkeypatch.setattr("nst.sheets.comparison.contenders", lambda *_: quick)
    seen: list[Progress] = []
    sheet = compare([(content, STYLE) for content in CONTENTS], SETTINGS, QUICK, seen.append).rgb
    names = ["content", "style", *(column.name for column in quick)]
    assert [label.split("\n")[0] for label in labels] == 2 * names
    assert sheet.shape[1] == len(names) * (64 + 6) + 6
    np.testing.assert_allclose(sheet[6:54, 6:70], CONTENTS[0].rgb, atol=0.003)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert labels[0] == "content\nR 1.00  LP 0.00  SSIM 1.00"
    left, lost, likeness = map(float, labels[names.index("Monge-Kantorovich")].split()[2:7:2])
    assert left < 0.5
    assert lost > 0.01
    assert likeness < 1


def test_a_method_without_its_model_has_an_empty_cell_that_says_so(
    labels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = MethodSettings(fast_model="/no/such/model")
    fast = [column for column in contenders(settings, QUICK) if column.name == "fast"]
    monkeypatch.setattr("nst.sheets.comparison.contenders", lambda *_: fast)
    sheet = compare([(CONTENTS[0], STYLE)], settings, QUICK).rgb
    assert labels[2] == "fast\nweights_missing"
    np.testing.assert_allclose(sheet[8:50, 6 + 2 * 70 : 66 + 2 * 70], 0.8, atol=0.003)


def test_a_comparison_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        compare([(CONTENTS[0], STYLE)], SETTINGS, QUICK, cancelled=lambda: True)
