"""Clips on Discord: a GIF stays a GIF and a film a film; the real bot, a real worker, the loopback Discord."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from nst.pictures.clips import open_clip
from tests.peers.discord.stage import Stage, Until, running
from tests.peers.discord.world import Message

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord")
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode") as stage:
        yield stage


def durations_of(stage: Stage, message: Message) -> list[int]:
    with open_clip(stage.peer.picture(message), 1024) as clip:
        assert len(list(clip.frames())) == clip.timing.frames
        return [round(ms) for ms in clip.timing.durations_ms]


def test_clips_come_back_moving(stage: Stage, clips: ModuleType) -> None:
    ann = stage.peer.add_user("ann")
    gif, film = clips.gif(clips.panned(6)), clips.mp4(clips.panned(6))
    painted = stage.result(stage.style(ann, content=gif, strength=70))
    assert painted.attachments[0]["filename"].endswith(".gif")
    assert painted.attachments[0]["description"] == "Clip in the style of Byzantine mosaic, strength 70"
    assert durations_of(stage, painted) == list(clips.DURATIONS_MS)
    filmed = stage.result(stage.style(ann, content=film))
    assert filmed.attachments[0]["filename"].endswith(".mp4")
    assert durations_of(stage, filmed) == [40] * 6
    shown_as_gif = stage.result(stage.style(ann, content=clips.webp(clips.panned(6))))
    assert shown_as_gif.attachments[0]["filename"].endswith(".gif")
    still = stage.result(stage.style(ann, content=film, still=True))
    assert still.attachments[0]["filename"].endswith(".jpg")
    stage.says(stage.style(ann, content=clips.mp4(clips.panned(22), rate=2)), "lasts 11.0 s")
    stage.says(stage.style(ann, style=None, style_image=film), r"not a picture \(MP4\)")
    assert not stage.peer.violations
