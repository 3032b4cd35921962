"""What needs no Telegram: buttons' data, words, addresses, albums, settings in words, pictures for posting."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from telegram import Chat, Message

from bot.chat.chat_settings import ChatSettings
from bot.chat.conversation import Choice, Step, begin, begin_mix
from bot.presets.catalogue import Preset, load_presets
from bot.telegram.address import Address
from bot.telegram.albums import Albums
from bot.telegram.keyboards import draft_keyboard, meaning, owner_code, preset_of
from bot.telegram.messages import content_before_styles
from bot.telegram.pictures import PHOTO_LIMIT_BYTES, as_document, as_photo
from bot.telegram.posting import clipped
from bot.telegram.settings_command import describe, read_changes
from bot.telegram.words import command_in
from nst.errors import UserError

PRESETS = load_presets()


def message(number: int, text: str = "", group: str | None = None) -> Message:
    return Message(number, datetime.now(UTC), Chat(1, "private"), text=text, media_group_id=group)


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 80).convert(mode).save(out, "PNG")
    return out.getvalue()


@given(st.integers(-(2**52), 2**52))
def test_owners_have_short_codes(user_id: int) -> None:
    assert int(owner_code(user_id), 36) == user_id
    assert len(owner_code(user_id)) <= 12


@pytest.mark.parametrize("name", ["mosaic", "x" * 32, "波" * 32])
def test_every_button_fits_into_64_bytes_and_means_what_it_says(name: str) -> None:
    preset = Preset(name, {"en": name.title()}, PRESETS["mosaic"].picture, {"en": name})
    presets = {**PRESETS, name: preset}
    last = Choice(presets=(name,), strength=0.35, method="gatys")
    for draft in (begin("photo:1"), begin_mix("photo:1"), begin("photo:1", presets=[name])):
        keyboard = draft_keyboard(draft, -(10**12) - 10**9, presets, last, "en")
        for row in keyboard.inline_keyboard:
            for button in row:
                data = str(button.callback_data)
                assert len(data.encode()) <= 64
                pressed = meaning(data)
                assert pressed is not None
                assert pressed.argument == owner_code(-(10**12) - 10**9)
                if pressed.verb == "style":
                    assert preset_of(pressed.rest, presets) in presets


def test_what_was_chosen_last_comes_first() -> None:
    last = Choice(presets=("kilim",), strength=0.35, method="gatys")
    rows = draft_keyboard(begin("photo:1"), 7, PRESETS, last, "en").inline_keyboard
    assert rows[0][0].text == "★ Kilim · 35 · gatys"
    assert str(rows[1][0].callback_data).endswith(".kilim")
    rows = draft_keyboard(begin("photo:1", presets=["kilim"]), 7, PRESETS, last, "en").inline_keyboard
    assert [button.text for button in rows[0]] == ["35", "0", "20", "40", "60", "80", "100"]
    draft = begin("photo:1", presets=["kilim"], strength=0.5)
    assert draft.step is Step.METHOD
    assert str(draft_keyboard(draft, 7, PRESETS, last, "en").inline_keyboard[0][0].callback_data).endswith(".gatys")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/style mosaic 70", ("style", "mosaic 70")),
        ("/STYLE@Pastiche_Bot\nmosaic", ("style", "mosaic")),
        ("/style@other_bot mosaic", None),
        ("/start recipe_abc", ("start", "recipe_abc")),
        ("/queue", ("queue", "")),
        ("a /style in the middle", None),
        ("/style,mosaic", None),
    ],
)
def test_commands_are_read_as_people_write_them(text: str, found: tuple[str, str] | None) -> None:
    command = command_in(message(1, text), "pastiche_bot")
    assert (command and (command.name, command.rest)) == found


def test_an_address_crosses_the_queue_whole() -> None:
    address = Address(chat_id=-1001, message_id=5, user_id=7, thread_id=3, full_quality=True, spoiler=True, strip="s")
    assert Address.from_reply_to({**address.to_reply_to(), "of_a_later_release": "1"}) == address


def test_captions_are_cut_as_telegram_counts() -> None:
    assert clipped("short", 1024) == "short"
    cut = clipped("😀" * 600, 1024)
    assert len(cut.encode("utf-16-le")) // 2 <= 1024
    assert cut.endswith("😀…")


async def test_an_album_is_handed_over_once_and_in_order() -> None:
    whole: list[list[int]] = []
    done = asyncio.Event()

    async def take(items: list[Message]) -> None:
        whole.append([item.message_id for item in items])
        done.set()

    albums = Albums(take, quiet_s=0.05)
    for number in (12, 10, 11, 10):
        albums.add(message(number, group="a"))
    albums.add_if_open(message(13, group="a"))
    albums.add_if_open(message(20, group="another"))
    await asyncio.wait_for(done.wait(), 10)
    assert whole == [[10, 11, 12, 13]]
    albums.add(message(30, group="b"))
    await albums.flush()
    assert whole[1:] == [[30]], "the end of the process loses nothing"


@pytest.mark.parametrize(
    ("captions", "content_first"),
    [
        (("", "", ""), ["p0", "p1", "p2"]),
        (("style", "", ""), ["p1", "p0", "p2"]),
        (("", "style", ""), ["p0", "p1", "p2"]),
        (("", "Photo", ""), ["p1", "p0", "p2"]),
        (("", "", "contenu"), ["p2", "p0", "p1"]),
        (("a holiday", "", ""), ["p0", "p1", "p2"]),
        (("", "Mask", ""), ["p0", "p2", "p1"]),
        (("arrière-plan", "", ""), ["p1", "p2", "p0"]),
    ],
)
def test_an_albums_caption_may_say_which_is_which(captions: tuple[str, ...], content_first: list[str]) -> None:
    items = [
        Message(number, datetime.now(UTC), Chat(1, "private"), caption=caption or None)
        for number, caption in enumerate(captions)
    ]
    captioned = next((item for item in items if item.caption), items[0])
    found = [(item, f"p{number}") for number, item in enumerate(items)]
    assert content_before_styles(found, captioned, None) == content_first


def test_settings_are_changed_by_words() -> None:
    changes = read_changes(
        "strength 70 method gatys cooldown 30 per-day 20 spoiler on language fr others off", ChatSettings()
    )
    settings = ChatSettings(**changes)
    assert settings.defaults == {"strength": 0.7, "method": "gatys"}
    assert (settings.cooldown_s, settings.per_user_per_day, settings.spoiler) == (30, 20, True)
    assert (settings.language, settings.others_may_vary) == ("fr", False)
    assert "force" not in describe(settings, "en")
    assert "method gatys, strength 70" in describe(settings, "en")
    assert ChatSettings(**read_changes("reset", settings)) == ChatSettings()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("strength 101", "option_out_of_range"),
        ("strength", "option_out_of_range"),
        ("method magic", "option_out_of_range"),
        ("size 10", "option_out_of_range"),
        ("spoiler perhaps", "option_out_of_range"),
        ("language xx", "option_out_of_range"),
        ("colour keep", "option_unknown"),
    ],
)
def test_settings_that_cannot_be_name_what_came(words: str, code: str) -> None:
    with pytest.raises(UserError) as raised:
        read_changes(words, ChatSettings())
    assert raised.value.code == code


def test_a_photo_stays_within_telegrams_limits() -> None:
    data = png(300, 200)
    assert as_photo(data, "image/png", "p").data == data, "what fits is left alone"
    long = as_photo(png(4200, 200), "image/png", "p")
    assert long.as_document
    assert long.name == "p.png"
    plain = io.BytesIO()
    Image.linear_gradient("L").resize((6500, 4000)).convert("RGB").save(plain, "PNG")
    wide = as_photo(plain.getvalue(), "image/png", "p")
    assert isinstance(wide.data, bytes)
    assert len(wide.data) <= PHOTO_LIMIT_BYTES
    with Image.open(io.BytesIO(wide.data)) as image:
        assert sum(image.size) <= 10_000


def test_a_document_keeps_every_byte() -> None:
    data = png(300, 200, "RGBA")
    document = as_document(data, "image/png", "p")
    assert (document.data, document.name, document.as_document) == (data, "p.png", True)
