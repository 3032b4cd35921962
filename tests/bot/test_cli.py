"""The command line: exit codes, one sentence on standard error, and a quick start."""

from __future__ import annotations

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
