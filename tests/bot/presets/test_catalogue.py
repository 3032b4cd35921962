"""The catalogue: built-in presets, the operator's folder, and small pictures to choose from."""

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bot.presets.catalogue import Preset, contact_sheet, load_presets, preset_name, thumbnail


def picture(path: Path, colour: tuple[int, ...] = (200, 30, 40), size: tuple[int, int] = (60, 40)) -> Path:
    Image.new("RGB" if len(colour) == 3 else "RGBA", size, colour).save(path)
    return path


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


def test_built_in_presets_come_in_a_fixed_order_with_words_in_both_languages() -> None:
    presets = load_presets()
    assert list(presets)[:2] == ["woodblock-waves", "starry-strokes"]
    for name, preset in presets.items():
        assert preset.name == name == preset_name(name)
        assert preset.picture.is_file()
        assert set(preset.titles) == set(preset.alt) == {"en", "fr"}
        assert all([*preset.titles.values(), *preset.alt.values()])


def test_a_title_falls_back_to_english() -> None:
    preset = load_presets()["stained-glass"]
    assert (preset.title("fr"), preset.title("de")) == ("Vitrail", "Stained glass")


def test_pictures_in_the_folder_become_presets_after_the_built_in_ones(tmp_path: Path) -> None:
    for name in ("My Cat Art.jpg", "b_side.PNG", "été.webp", "third.jpeg"):
        picture(tmp_path / name)
    presets = load_presets(tmp_path)
    assert list(presets)[len(load_presets()) :] == ["my-cat-art", "b-side", "third", "ete"]
    assert presets["my-cat-art"] == Preset(
        "my-cat-art",
        {"en": "My Cat Art", "fr": "My Cat Art"},
        tmp_path / "My Cat Art.jpg",
        {"en": "My Cat Art", "fr": "My Cat Art"},
    )
    assert presets["b-side"].title() == "b side"


def test_a_picture_of_the_same_name_takes_a_built_in_presets_place(tmp_path: Path) -> None:
    mine = picture(tmp_path / "Stained Glass.png")
    presets = load_presets(tmp_path)
    assert list(presets) == list(load_presets())
    assert presets["stained-glass"].picture == mine


def test_what_is_no_picture_is_skipped_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = picture(tmp_path / "whole.png", size=(300, 300)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "fake.jpg").write_text("not a picture")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "---.png").write_bytes(whole)
    (tmp_path / ".hidden.png").write_bytes(whole)
    (tmp_path / "folder.png").mkdir()
    with caplog.at_level(logging.WARNING):
        presets = load_presets(tmp_path)
    assert set(presets) - set(load_presets()) == {"whole"}
    warned = {record.getMessage().split(": ")[1] for record in caplog.records}
    assert warned == {"'cut.png'", "'fake.jpg'", "'notes.txt'", "'---.png'"}
    assert str(tmp_path) not in caplog.text


def test_of_two_files_with_one_name_the_first_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = picture(tmp_path / "a cat.png")
    picture(tmp_path / "a-cat.png")
    with caplog.at_level(logging.WARNING):
        assert load_presets(tmp_path)["a-cat"].picture == first
    assert "'a-cat.png'" in caplog.text


def test_a_missing_folder_leaves_the_built_in_presets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert load_presets(tmp_path / "nowhere") == load_presets()
    assert "does not exist" in caplog.text


@pytest.mark.parametrize(
    ("stem", "name"),
    [("My Cat Art", "my-cat-art"), ("_A__b-", "a-b"), ("Façade Nº1", "facade-no1"), ("猫の絵", "猫の絵"), ("!?", "")],
)
def test_names(stem: str, name: str) -> None:
    assert preset_name(stem) == name


def test_names_have_a_limit_and_never_end_in_a_hyphen() -> None:
    assert preset_name("x" * 31 + " yz") == "x" * 31


def test_a_thumbnail_is_the_middle_square_without_alpha(tmp_path: Path) -> None:
    wide = Image.new("RGB", (300, 100), (0, 0, 0))
    wide.paste((220, 40, 40), (100, 0, 200, 100))
    wide.save(tmp_path / "wide.png")
    picture(tmp_path / "clear.png", (0, 0, 0, 0))
    presets = load_presets(tmp_path)
    red, clear = opened(thumbnail(presets["wide"], 50)), opened(thumbnail(presets["clear"], 50))
    assert (red.format, red.size) == ("JPEG", (50, 50))
    assert near(red.getpixel((3, 25)), (220, 40, 40))
    assert near(clear.getpixel((25, 25)), (250, 248, 243))


@pytest.mark.parametrize(("labels", "height"), [(True, 3 * (120 + 20 + 5) + 5), (False, 3 * (120 + 5) + 5)])
def test_a_contact_sheet_has_a_cell_for_every_preset(tmp_path: Path, labels: bool, height: int) -> None:
    presets = dict(list(load_presets().items())[:7])
    sheet = opened(contact_sheet(presets, columns=3, cell_px=120, labels=labels))
    assert sheet.size == (3 * (120 + 5) + 5, height)
    assert near(sheet.getpixel((250, height - 60)), (250, 248, 243))


def test_a_contact_sheet_labels_in_the_language_and_shrinks_long_titles(tmp_path: Path) -> None:
    picture(tmp_path / ("a very long title indeed for so small a cell.png"))
    presets = {name: p for name, p in load_presets(tmp_path).items() if name.startswith(("stained", "a-very"))}
    assert contact_sheet(presets, cell_px=96) != contact_sheet(presets, cell_px=96, language="fr")


def test_a_picture_that_went_away_leaves_its_cell_empty(tmp_path: Path) -> None:
    gone = picture(tmp_path / "gone.png")
    presets = load_presets(tmp_path)
    gone.unlink()
    sheet = opened(contact_sheet({"gone": presets["gone"]}, columns=1, cell_px=48, labels=False))
    assert near(sheet.getpixel((24, 24)), (250, 248, 243))
    with pytest.raises(OSError):
        thumbnail(presets["gone"], 48)


def test_an_empty_sheet_is_still_a_picture() -> None:
    assert opened(contact_sheet({}, columns=2, cell_px=48)).size == (2 * 50 + 2, 2)


def test_the_catalogue_needs_neither_numpy_nor_tensorflow() -> None:
    code = "import sys, bot.presets.catalogue; print(sorted({'numpy', 'scipy', 'tensorflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
