"""What is left to look at: pages, poster, leaderboard, export."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from PIL import Image

from bot.challenges.entry import Entry
from bot.challenges.lettering import SEMIBOLD, broken, fitted, readable, width
from bot.challenges.model import Challenge
from bot.challenges.wording import entry_line, rules_text, state_text, style_credit
from bot.chat.recipe_words import parse_style_command
from bot.presets.catalogue import load_presets
from bot.texts import languages
from tests.bot.challenges.conftest import SERVER, World, picture, refused
from workers.store.blobs import blob_hash

InVoting = Callable[..., tuple[Challenge, list[Entry]]]


@pytest.fixture
def over(world: World, in_voting: InVoting) -> Challenge:
    """p0 won with three votes, p1 has one, p2 none, p3 is disqualified."""
    challenge, entries = in_voting(4)
    name = challenge.challenge_id
    by_user = {entry.user: entry.entry_id for entry in entries}
    for number in range(3):
        world.core.votes.vote(name, by_user["discord:p0"], world.person(f"discord:v{number}"))
    world.core.votes.vote(name, by_user["discord:p1"], world.person("discord:v0"))
    world.core.moderation.disqualify(name, by_user["discord:p3"], "copied", world.maker)
    world.wait(48)
    return world.core.life.read(name)


def test_pages_show_what_took_part_best_first(world: World, over: Challenge) -> None:
    gallery = world.core.gallery
    first = gallery.page(over.challenge_id, 1, 2)
    assert (first.page, first.pages) == (1, 2)
    assert [(one.place, one.entry.user, one.votes) for one in first.placed] == [
        (1, "discord:p0", 3),
        (2, "discord:p1", 1),
    ]
    last = gallery.page(over.challenge_id, 99, 2)
    assert (last.page, [one.entry.user for one in last.placed]) == (2, ["discord:p2"])


def test_the_leaderboard_counts_over_all_challenges_of_a_chat(world: World, over: Challenge) -> None:
    challenge = world.opened()
    entries = [world.enter(challenge, f"discord:p{number}", number + 20) for number in (1, 2)]
    world.to_voting(challenge)
    world.core.votes.vote(challenge.challenge_id, entries[0].entry_id, world.person("discord:v0"))
    world.wait(48)
    board = world.core.gallery.leaderboard(SERVER.key)
    assert [(one.name, one.wins, one.podiums, one.entries, one.votes) for one in board] == [
        ("P1", 1, 2, 2, 2),
        ("P0", 1, 1, 1, 3),
        ("P2", 0, 0, 2, 0),
    ]
    assert world.core.gallery.leaderboard("discord:none") == []


def test_an_export_holds_pictures_and_says_how_each_was_made(world: World, over: Challenge) -> None:
    refused("not_a_manager", world.core.gallery.export, over.challenge_id, world.person("discord:x"))
    packed = world.core.gallery.export(over.challenge_id, world.maker)
    assert packed == world.another().gallery.export(over.challenge_id, world.maker)
    with zipfile.ZipFile(io.BytesIO(packed)) as files:
        manifest = json.loads(files.read("manifest.json"))
        entries = manifest["entries"]
        assert {blob_hash(files.read(entry["picture"])) for entry in entries} == {
            blob_hash(picture(number)) for number in range(4)
        }
    assert (manifest["theme"], manifest["votes"], manifest["voters"]) == ("Cats at night", 4, 3)
    assert [(entry["place"], entry["winner"], entry["votes"]) for entry in entries] == [
        (1, True, 3),
        (2, False, 1),
        (3, False, 0),
        (None, False, 0),
    ]
    assert (entries[0]["maker"], entries[3]["reason"]) == ("P0", "copied")
    assert "maker" not in entries[3]
    assert parse_style_command(entries[0]["recipe"], load_presets()).presets == ("mosaic",)


@pytest.mark.parametrize("language", languages())
def test_the_poster_shows_the_first_three_and_says_so(world: World, over: Challenge, language: str) -> None:
    poster = world.core.gallery.poster(over.challenge_id, language)
    with Image.open(io.BytesIO(poster.data)) as image:
        assert image.width == 1600
        assert image.height > 1600
        assert image.format == "JPEG"
        # Its pictures are there: the poster has many colours where paper and ink would be few.
        colours = image.resize((100, 100)).getcolors(10_000)
    assert colours is not None
    assert len(colours) > 1000
    for name in ("P0", "P1", "P2", "Cats at night"):
        assert name in poster.alt
    assert "P3" not in poster.alt
    assert len(poster.alt) < 1024


def test_a_poster_without_a_winner_is_a_gallery(world: World) -> None:
    challenge = world.opened()
    world.enter(challenge, "discord:ann", 1)
    world.wait(48)
    world.wait(24)
    poster = world.core.gallery.poster(challenge.challenge_id)
    assert "without a winner" in poster.alt


def test_a_picture_that_is_no_longer_kept_leaves_its_place(world: World, over: Challenge) -> None:
    for one in world.core.gallery.results(over.challenge_id).placed:
        world.blobs.forget(one.entry.picture)
    assert world.core.gallery.poster(over.challenge_id).data
    assert zipfile.ZipFile(io.BytesIO(world.core.gallery.export(over.challenge_id, world.maker))).namelist() == [
        "manifest.json"
    ]


def test_a_line_fits_and_holds_what_can_be_read() -> None:
    text, size = fitted("A very long name " * 20, SEMIBOLD, 44, 500)
    assert width(text, SEMIBOLD, size) <= 501
    assert text.endswith("…")
    assert readable("Élodie à l'œuvre \U0010ffff", SEMIBOLD) == "Élodie à l'œuvre"
    theme = "one two three four five six seven eight nine ten"
    lines, size = broken(theme, SEMIBOLD, 96, 900, 3)
    assert 2 <= len(lines) <= 3
    assert all(width(line, SEMIBOLD, size) <= 901 for line in lines)
    assert " ".join(lines) == theme


@pytest.mark.parametrize("language", languages())
def test_lines_for_chats(world: World, over: Challenge, language: str) -> None:
    presets = load_presets()
    placed = world.core.gallery.results(over.challenge_id).placed
    assert entry_line(placed[0], presets, language).startswith("1. P0 · ")
    assert not entry_line(placed[3], presets, language)[0].isdigit()
    assert str(over.voting_hours) in rules_text(over, presets, language)
    assert "Cats at night" in state_text(over, str, language)
    own = placed[0].entry.changed(style_label="")
    assert style_credit(own, presets, language) not in {"", style_credit(placed[0].entry, presets, language)}
