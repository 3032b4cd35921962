"""The manual is held to the code."""

from __future__ import annotations

import re
from pathlib import Path

import discord

from bot.discord.settings_command import _DESCRIPTIONS

MANUAL = (Path(__file__).resolve().parents[3] / "docs/discord.md").read_text(encoding="utf-8")


def test_the_invitation_asks_for_the_permissions_that_are_named() -> None:
    asked = re.search(r"permissions=(\d+)", MANUAL)
    assert asked is not None
    held = discord.Permissions(int(asked[1]))
    named = {name for name, value in held if value}
    expected = {"read_messages", "send_messages", "send_messages_in_threads", "attach_files", "read_message_history"}
    assert named == expected


def test_every_setting_of_a_server_is_explained() -> None:
    assert all(f"`{name}`" in MANUAL for name in _DESCRIPTIONS)
