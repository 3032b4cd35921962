"""Pictures of challenges made small: which ones, how, and which are too dear."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from bot.challenges.pictures import SHOWN_PX, is_light, opened, reduced
from tests.bot.challenges.conftest import World


def encoded(mode: str, size: tuple[int, int], kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **how)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pngs_of_every_mode_become_small_jpegs(mode: str) -> None:
    with Image.open(io.BytesIO(reduced(encoded(mode, (3000, 1500), "PNG"), 1400))) as small:
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
        (lambda: encoded("RGB", (4096, 4096), "JPEG", progressive=True), True),
        # A progressive one is held whole, however small it is wanted.
        (lambda: encoded("RGB", (8000, 4000), "JPEG", progressive=True), False),
        (lambda: b"\x89PNG no picture", False),
        (lambda: encoded("RGB", (64, 64), "PNG")[:-30], False),
    ],
)
def test_what_would_take_a_frontends_memory_is_not_opened(data: Any, cheap: bool) -> None:
    assert bool(opened(data(), 1400)) is cheap


def test_a_picture_stands_upright_and_on_paper() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned to the right
    small = opened(encoded("RGB", (40, 20), "JPEG", exif=exif), 1400)
    assert small is not None
    assert small.size == (20, 40)
    clear = opened(encoded("RGBA", (40, 20), "PNG"), 1400)
    assert clear is not None
    assert clear.getpixel((3, 3)) == (250, 248, 243)


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
