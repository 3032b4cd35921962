"""The command line: exit codes, one sentence on standard error, and a quick start."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.radial_gradient("L").resize((80, 60)).convert("RGB").save(path)
    return path


def pastiche(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *map(str, arguments)]
    environment = {**os.environ, **settings}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_stylize_writes_a_picture_of_the_contents_size(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    done = pastiche("stylize", photo, "mosaic", "-o", out, "--method", "palette", "--strength", "80")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    with Image.open(out) as picture, Image.open(photo) as original:
        assert (picture.format, picture.size) == ("JPEG", original.size)
        assert picture.convert("RGB").tobytes() != original.tobytes()


def test_strength_0_is_the_photograph_to_the_pixel(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert pastiche("stylize", photo, "mosaic", "-o", out, "--method", "palette", "--strength", "0").returncode == 0
    with Image.open(out) as picture, Image.open(photo) as original:
        assert picture.convert("RGB").tobytes() == original.tobytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("mosaic", "--strength", "101"), "strength can't be 101. Allowed: 0 to 100."),
        (("mosaic", "--method", "magic"), "method can't be magic. Allowed: fast, gatys, palette,"),
        (("mosaic", "--size", "9"), "max_side_px can't be 9. Allowed: 64 to 8192."),
        (("mosaic", "--seed", "-1"), "seed can't be -1."),
        (("no-such-style",), "There is no style no-such-style."),
        (("nowhere/style.jpg",), "nowhere/style.jpg cannot be read."),
        (("mosaic", "--colours", "loud"), "colours can't be loud. Allowed: style, keep, match."),
        (("mosaic", "--weights", "a,b"), "weights can't be a,b."),
        (("mosaic",) * 5, "5 styles are too many for one picture; 4 are possible."),
    ],
)
def test_a_users_mistake_ends_with_2_and_one_sentence(
    photo: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = pastiche("stylize", photo, *arguments, "-o", tmp_path / "out.jpg")
    assert done.returncode == 2
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == [photo]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "That file is empty."),
        (b"just some words", "That is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "That is a drawing or document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "That picture is damaged"),
    ],
)
def test_a_bad_picture_ends_with_2_and_its_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(data)
    done = pastiche("stylize", bad, "mosaic", "-o", tmp_path / "out.jpg", "--method", "palette")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert done.stderr.startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (("discord",), {"DISCORD_TOKEN": ""}, "The setting DISCORD_TOKEN is missing."),
        (("telegram",), {"TELEGRAM_TOKEN": ""}, "The setting TELEGRAM_TOKEN is missing."),
        (("web",), {"WEB_PORT": "eighty"}, "The setting WEB_PORT can't be eighty"),
        (("worker",), {"REDIS_URL": "http://x"}, "The setting REDIS_URL can't be (hidden)"),
    ],
)
def test_an_operators_mistake_ends_with_1_and_points_to_the_doctor(
    arguments: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    done = pastiche(*arguments, **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence), done.stderr
    assert "pastiche doctor" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_queues_are_named() -> None:
    done = pastiche("worker", "--queues", "fast,medium")
    assert (done.returncode, done.stderr) == (2, "queues can't be fast,medium. Allowed: fast, slow.\n")


def test_a_study_is_one_contact_sheet(photo: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = pastiche("study", "layers", photo, "mosaic", "-o", sheet, "--steps", "1", "--extractor", "bundled")
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture, Image.open(photo) as original:
        assert picture.width > 2 * original.width
        assert picture.height > 2 * original.height


def test_an_unknown_study_is_named(photo: Path, tmp_path: Path) -> None:
    done = pastiche("study", "moon", photo, "mosaic", "-o", tmp_path / "sheet.png")
    allowed = "ratio, layers, extractors, samples, compare"
    assert (done.returncode, done.stderr) == (2, f"study can't be moon. Allowed: {allowed}.\n")


def in_folder(folder: Path, *arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """``pastiche stylize`` in a folder, by colours alone."""
    command = [sys.executable, "-m", "bot", "stylize", *map(str, arguments), "--method", "palette"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, input=given, capture_output=True, check=False)


def test_a_folder_does_not_hide_a_preset_and_a_file_does(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "mosaic").mkdir()
    done = in_folder(tmp_path, "photo.png", "mosaic", "-o", "out.png")
    assert done.returncode == 0, done.stderr
    (tmp_path / "mosaic").rmdir()
    (tmp_path / "mosaic").write_bytes(b"no picture")
    assert in_folder(tmp_path, "photo.png", "mosaic", "-o", "out.png").stderr.startswith(b"That is not a picture")


def test_an_output_that_cannot_be_written_is_told_before_anything_is_painted(tmp_path: Path) -> None:
    """Of a content that would fail as soon as it is read nothing is said."""
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for more, sentence in (
        (("-o", "/proc/out.png"), b"/proc/out.png can't be written: "),
        (("-o", "x" * 252 + ".png"), b"x" * 252 + b".png can't be written: File name too long."),
        (("-o", "bad.png"), b"out can't be bad.png. Allowed: a file that is neither read nor written otherwise."),
        (("-o", "x.webp", "--time-lapse", "./x.webp"), b"time-lapse can't be x.webp."),
        (("-o", "x.png", "--time-lapse", "/proc/x.webp"), b"/proc/x.webp can't be written: "),
        (("-o", "x.tga"), b"out can't be .tga."),
    ):
        done = in_folder(tmp_path, "bad.png", "mosaic", *more)
        assert (done.returncode, done.stderr[: len(sentence)]) == (2, sentence), done.stderr
        assert b"not a picture" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]


def test_standard_input_and_output(photo: Path, tmp_path: Path) -> None:
    done = in_folder(tmp_path, "-", "mosaic", "-o", "-", given=photo.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert (picture.format, picture.size) == ("PNG", (80, 60))
    done = in_folder(tmp_path, "photo.png", "-", "-o", "-", "--format", "jpg", given=photo.read_bytes())
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert picture.format == "JPEG"
    assert in_folder(tmp_path, "-", "-", "-o", "-").returncode == 2
    assert in_folder(tmp_path, "-", "mosaic", "-o", "-").stderr.startswith(b"That file is empty.")


def test_a_folder_of_pictures_is_painted_and_one_bad_one_stops_nothing(photo: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.jpg", "b.webp", "c.bmp"):
        with Image.open(photo) as picture:
            picture.save(photos / name)
    (photos / "bad.png").write_bytes(b"no picture")
    (photos / "notes.txt").write_text("none either")
    (photos / ".hidden.png").write_bytes(b"no picture")
    done = in_folder(tmp_path, "photos", "mosaic", "-o", "out")
    assert done.returncode == 2
    assert done.stderr.startswith(b"photos/bad.png: That is not a picture")
    assert done.stderr.count(b"\n") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "b.webp", "c.jpg"]


def test_patterns_several_names_and_a_format(photo: Path, tmp_path: Path) -> None:
    for name in ("one.jpg", "one.png", "two[1].png"):
        with Image.open(photo) as picture:
            picture.save(tmp_path / name)
    done = in_folder(tmp_path, "*.png", "one.jpg", "--styles", "mosaic,kilim", "-o", "out", "--format", "webp")
    assert done.returncode == 0, done.stderr
    names = ["one.jpg.webp", "one.png.webp", "photo.webp", "two[1].webp"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert in_folder(tmp_path, "two[1].png", "mosaic", "-o", "one-only.png").returncode == 0
    nothing = in_folder(tmp_path, "*.heic", "mosaic", "-o", "out")
    assert (nothing.returncode, nothing.stderr) == (2, b"*.heic cannot be read. Is the path right?\n")
    beside = in_folder(tmp_path, ".", "mosaic", "-o", ".")
    assert (beside.returncode, beside.stderr.count(b"neither read nor written")) == (2, 5)
    for out, sentence in (("-", b"out can't be -."), ("one.png", b"one.png can't be written: File exists.")):
        done = in_folder(tmp_path, ".", "mosaic", "-o", out)
        assert (done.returncode, done.stderr.startswith(sentence)) == (2, True), done.stderr
