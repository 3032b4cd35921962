"""Which method ``auto`` takes, held against pictures that people would name so, and what it promises as a method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from bot.texts import languages, notice
from nst.auto import Auto, Measure, choose, decide, measure
from nst.errors import UserError
from nst.method import MethodSettings, Pastiche, Request, create_method, never_cancelled, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture, decode

# Each by what anybody sees in it, in two sets: thresholds were set looking at the first, none of the second was.
TEXTURED = (
    "vangogh_starry_night vangogh_cypresses vangogh_first_steps vangogh_night_cafe vangogh_selfportrait cassatt_lilacs "
    "monet_water_lily_bridge renoir_nini signac_marseilles munch_scream kandinsky_composition_vii piranesi_prison "
    "isfahan_tiles stained_glass texture_bricks texture_gravel_gray texture_red_rings persian_miniature "
    "pissarro_washerwoman seurat_grande_jatte_16colours derain_westminster cross_cap_negre monet_etretat"
)
FORMS = "hokusai_great_wave hokusai_red_fuji hiroshige_yabase vallotton_mauclair van_doesburg_composition_xiii"
SMOOTH_PAINTINGS = "ingres_princesse_de_broglie aivazovsky_ninth_wave turner_shipwreck"
PHOTOGRAPHS = (
    "airplane aquarium beach_city bridge_fog cat_chelsea flowers palm_tree portrait_face portrait_woman rocket_night "
    "moraine_lake dog_and_woman ruins_athens city_sunset coffee exif_portrait_6"
)
UNSEEN_TEXTURED = (
    "gogh_starry_night_over_the_rhone gogh_houses_identified_by_file_na seurat_circus_sideshow_parade_de_ci "
    "rysselberghe_denise_marechal morisot_young_girl_with_hat monet_woman_with_a_parasol_madame klimt_the_kiss "
    "renoir_young_woman_sewing pattern_mosaic_2_72dpi"
)


def picture(name: str, step: int) -> Picture:
    rgb: NDArray[np.uint8] = getattr(data, name)()  # scikit-image's functions have no types
    return Picture(np.ascontiguousarray(rgb[::step, ::step]).astype(np.float32) / np.float32(255))


CAT = picture("chelsea", 4)
BRICKS = Picture(np.repeat(data.brick()[::2, ::2, None].astype(np.float32) / 255, 3, axis=-1))  # type: ignore[no-untyped-call]
FLAT = Picture(np.full((64, 80, 3), (0.2, 0.5, 0.8), np.float32))


def taken(folder: Path, names: str) -> dict[str, str]:
    return {
        name: choose(CAT, [decode((folder / f"{name}.jpg").read_bytes(), 256)], [1.0]).method for name in names.split()
    }


def right(methods: dict[str, str], *allowed: str) -> tuple[int, int]:
    return sum(method in allowed for method in methods.values()), len(methods)


def test_named_pictures_get_the_method_that_suits_them(shared_dir: Path) -> None:
    images = shared_dir / "images"
    found = [
        right(taken(images / "styles", TEXTURED), "gatys"),
        right(taken(images / "styles", FORMS), "fast"),
        right(taken(images / "styles", SMOOTH_PAINTINGS), "palette"),
        right(taken(images / "content", PHOTOGRAPHS), "palette"),
        right(taken(shared_dir / "training" / "styles", UNSEEN_TEXTURED), "gatys"),
    ]
    print("right of named: textured, forms, smooth, photographs, unseen textured:", found)  # noqa: T201
    assert sum(good for good, _ in found) >= 0.75 * sum(all_ for _, all_ in found), found


@pytest.mark.parametrize(
    ("style", "calm", "method", "reason"),
    [
        (Measure(0.06, 0.09, 0.0, 50), 0.1, "gatys", "auto_textured"),
        (Measure(0.024, 0.04, 0.0, 30), 0.1, "gatys", "auto_textured"),
        (Measure(0.024, 0.08, 0.1, 23), 0.1, "fast", "auto_forms"),
        (Measure(0.024, 0.08, 0.1, 23), 0.6, "palette", "auto_calm"),
        (Measure(0.005, 0.03, 0.5, 20), 0.1, "palette", "auto_smooth"),
        (Measure(0.0, 0.12, 0.4, 2), 0.6, "fast", "auto_forms"),
    ],
)
def test_the_rule(style: Measure, calm: float, method: str, reason: str) -> None:
    choice = decide(Measure(0.02, 0.04, calm, 30), style)
    assert (choice.method, choice.reason) == (method, reason)


def test_what_is_measured() -> None:
    flat, bricks = measure(FLAT), measure(BRICKS)
    assert flat.everywhere < 1e-4
    assert (flat.calm, flat.colours) == (1.0, 1)
    assert bricks.everywhere > 0.03
    assert bricks.calm < 0.2
    half = np.zeros(BRICKS.rgb.shape[:2], np.float32)
    assert measure(Picture(np.full((1, 1, 3), 0.5, np.float32))).calm == 1.0
    assert measure(Picture(BRICKS.rgb, half)) == bricks  # nothing can be seen: all of it counts


def test_the_heaviest_style_decides() -> None:
    assert choose(CAT, [FLAT, BRICKS], [0.4, 0.6]).method == "gatys"
    assert choose(CAT, [FLAT, BRICKS], [0.6, 0.4]).method == "palette"


def painted(style: Picture) -> Pastiche:
    return stylize(Auto(MethodSettings()), CAT, [style], StyleOptions(method="auto"))


def test_the_result_is_the_taken_methods_with_one_sentence_why() -> None:
    made = painted(FLAT)
    palette = stylize(create_method("palette", MethodSettings()), CAT, [FLAT], StyleOptions(method="palette"))
    assert np.array_equal(made.picture.rgb, palette.picture.rgb)
    assert made.method == "palette"
    assert [notice.code for notice in made.notices] == ["auto_smooth"]
    for language in languages():
        for reason in ("auto_textured", "auto_forms", "auto_smooth", "auto_calm"):
            assert notice(reason, {}, language).endswith(".")


def test_an_interrupted_run_of_one_pass_has_nothing_to_keep() -> None:
    auto, options = Auto(MethodSettings()), StyleOptions(method="auto")
    run = auto.begin(Request(CAT, [FLAT], options))
    assert np.array_equal(run.pastiche().picture.rgb, CAT.rgb)
    again = auto.begin(Request(CAT, [FLAT], options), run.state())
    assert again.advance(0.0, lambda progress: None, never_cancelled)
    assert again.pastiche().method == "palette"


def test_no_style() -> None:
    with pytest.raises(UserError) as caught:
        stylize(Auto(MethodSettings()), CAT, [], StyleOptions(method="auto"))
    assert caught.value.code == "style_missing"
