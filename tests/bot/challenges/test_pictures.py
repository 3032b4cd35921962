"""Pictures of challenges made small: which ones, how, and which are too dear."""

from __future__ import annotations

import io
from typing import Any

import pytest
import redis
from PIL import Image

from bot.challenges.pictures import SHOWN_PX, Pictures, is_light, opened
from nst.errors import UserError
from tests.bot.challenges.conftest import World
from workers.store.blobs import Blobs


def encoded(mode: str, size: tuple[int, int], kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **how)
    return out.getvalue()


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures(Blobs(redis.Redis()))  # nothing is kept here


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pngs_of_every_mode_become_small_jpegs(pictures: Pictures, mode: str) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((3000, 1500)).convert(mode).save(out, "PNG")
    with Image.open(io.BytesIO(pictures.reduced(out.getvalue(), 1400))) as small:
        assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (1400, 700))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_large_jpegs_are_decoded_at_a_part_of_their_size(mode: str) -> None:
    small = opened(encoded(mode, (8000, 4000), "JPEG"), 1400)
    assert small is not None
    assert small.size == (1400, 700)


@pytest.mark.parametrize(
    ("data", "cheap"),
    [
        (lambda: encoded("RGB", (4096, 4096), "PNG"), True),
        (lambda: encoded("RGB", (4200, 4200), "PNG"), False),
        (lambda: encoded("RGBA", (4096, 4096), "PNG"), False),
        (lambda: b"\x89PNG no picture", False),
        (lambda: encoded("RGB", (64, 64), "PNG")[:-30], False),
    ],
)
def test_what_would_take_a_frontends_memory_is_not_opened(data: Any, cheap: bool) -> None:
    assert bool(opened(data(), 1400)) is cheap


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (lambda: encoded("L", (7200, 7200), "PNG", compress_level=1), "image_too_many_pixels"),
        (lambda: encoded("RGB", (64, 64), "PNG")[:-60], "image_truncated"),
        (lambda: b"\x00\x00\x00\x20ftypisom, a film", "image_not_an_image"),
    ],
)
def test_what_a_frontends_decoder_does_not_take_has_its_sentence(pictures: Pictures, data: Any, code: str) -> None:
    with pytest.raises(UserError, match=code):
        pictures.reduced(data())


def test_a_picture_stands_upright_and_on_paper(pictures: Pictures) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned to the right
    with Image.open(io.BytesIO(pictures.reduced(encoded("RGB", (40, 20), "JPEG", exif=exif)))) as small:
        assert small.size == (20, 40)
    clear = Image.new("RGBA", (40, 20))
    clear.paste((200, 10, 10, 255), (0, 10, 40, 20))
    file = io.BytesIO()
    clear.save(file, "PNG")
    with Image.open(io.BytesIO(pictures.reduced(file.getvalue()))) as small:
        assert small.getpixel((30, 2)) == pytest.approx((250, 248, 243), abs=3)


@pytest.mark.parametrize(
    ("mode", "side", "kind", "light"),
    [("RGB", SHOWN_PX, "JPEG", True), ("RGB", SHOWN_PX + 1, "JPEG", False), ("RGB", 64, "PNG", False)],
)
def test_what_can_be_shown_as_it_is(mode: str, side: int, kind: str, light: bool) -> None:
    assert is_light(encoded(mode, (side, side), kind)) is light
    assert not is_light(b"nothing")


def test_an_entry_is_made_small_once_and_forgotten_whole(world: World) -> None:
    challenge = world.opened()
    entry = world.enter(challenge, "discord:ann", 3)
    assert entry.shown
    assert is_light(world.core.entries.picture(entry.small))
    assert world.core.entries.picture(entry.picture).startswith(b"\x89PNG"), "the work itself stays as it is"
    world.core.entries.withdraw(challenge.challenge_id, entry.entry_id, world.person("discord:ann"))
    assert [world.blobs.connection.exists(f"pastiche:blob:{digest}") for digest in entry.kept] == [0, 0, 0]
