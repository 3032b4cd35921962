"""Clips on Telegram, where every one of them is an MP4: the real bot, the real worker, the loopback Bot API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nst.pictures.clips import open_clip
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.world import Json, film, sticker
from workers.client.estimates import live_workers
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / "tests" / "peers" / "discord" / "palette_worker.py"
Until = Callable[..., Any]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[TelegramPeer]:
    """A Bot API with the bot and a worker behind it."""
    folder = tmp_path_factory.mktemp("clips")
    log = folder / "bot.log"
    with TelegramPeer(None) as peer, EmbeddedRedis(folder / "redis") as server, log.open("wb") as sink:
        environment = {
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": server.url,
            "TELEGRAM_TOKEN": TOKEN,
            "PATH": "/usr/bin:/bin",
        }
        bot = [sys.executable, "-m", "bot", "telegram"]
        settings = {**environment, "TELEGRAM_API_URL": peer.url, "TELEGRAM_WEBHOOK_URL": "", "HOME": str(folder)}
        processes = [
            subprocess.Popen([sys.executable, str(WORKER), server.url], env=environment, stdout=subprocess.DEVNULL),
            subprocess.Popen(bot, cwd=folder, env=settings, stdout=sink, stderr=subprocess.STDOUT),
        ]
        try:
            with connect(server.url) as connection:
                until(lambda: live_workers(connection), "a worker")
            until(lambda: b"Telegram: ready" in log.read_bytes(), "the bot")
            yield peer
            assert b"Traceback" not in log.read_bytes(), log.read_text()
        finally:
            for process in processes:
                process.terminate()
                process.wait()


def shown(peer: TelegramPeer, message: Json, kind: str) -> tuple[list[float], int]:
    """The result's durations and frames."""
    data = peer.world.files[message[kind]["file_id"]].data
    with open_clip(data, 1024) as clip:
        return [round(ms) for ms in clip.timing.durations_ms], len(list(clip.frames()))


def test_clips_come_back_moving(peer: TelegramPeer, clips: ModuleType, until: Until) -> None:
    anna = peer.person(7_100_001)
    before = len(peer.problems)

    def result(kind: str, count: int = 1) -> Json:
        def found() -> list[Json]:
            return [m for m in anna.bot_messages() if kind in m and "strength" in m.get("caption", "")]

        until(lambda: len(found()) >= count, f"{kind}; there is {anna.bot_messages()}")
        return found()[-1]

    anna.animation(clips.mp4(clips.panned(6)), caption="/style mosaic 80 palette")
    painted = result("animation")
    assert shown(peer, painted, "animation") == ([40] * 6, 6)
    labels = [button["text"] for row in painted["reply_markup"]["inline_keyboard"] for button in row]
    assert any("strength" in label for label in labels)
    assert not any(label.startswith(("Strip", "Refine")) for label in labels)

    anna.press(painted, "r.weaker")
    assert shown(peer, result("animation", 2), "animation") == ([40] * 6, 6)

    sound = ["-f", "lavfi", "-i", "sine=duration=0.2"]
    picture = ["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10:duration=0.5"]
    loud = clips.ffmpeg([*picture, *sound, "-c:a", "aac", "-pix_fmt", "yuv420p"])
    anna.animation(loud, caption="/style mosaic palette")
    assert shown(peer, result("video"), "video") == ([100] * 5, 5)

    opacity = np.zeros((96, 128), np.uint8)
    opacity[20:70, 30:90] = 255
    webm, round_one = clips.webm([opacity, np.roll(opacity, 10, axis=1)]), clips.mp4(clips.panned(5))
    video_sticker = sticker(peer.do(lambda: peer.world.new_file(webm, mime_type="video/webm")), is_video=True)
    note = film(peer.do(lambda: peer.world.new_file(round_one, mime_type="video/mp4"))) | {"length": 128}
    video = film(peer.do(lambda: peer.world.new_file(loud, mime_type="video/mp4")))
    sent = [{"sticker": video_sticker}, {"video_note": note}, {"animation": video}]
    elsewhere = {"origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}}
    posted = [anna.silently(**one)["message_id"] for one in sent]
    orders = [partial(anna.send, "/style peacock palette", answering=it) for it in posted]
    orders += [partial(anna.send, "/style mosaic 50 palette", external_reply=elsewhere | one) for one in sent]
    for number, order in enumerate(orders):
        order()
        kind, frames = [("animation", 2), ("animation", 5), ("video", 5)][number % 3]
        count = {"animation": 3 + number // 3 * 2 + number % 3, "video": 2 + number // 3}[kind]
        assert len(shown(peer, result(kind, count), kind)[0]) == frames

    anna.animation(loud, caption="/style mosaic palette still")
    assert result("photo")["photo"][-1]["width"] == 128

    anna.animation(loud, caption="/style mosaic", duration_s=11)
    until(lambda: any("lasts 11.0 s" in m.get("text", "") for m in anna.bot_messages()), "a refusal")
    assert peer.problems[before:] == []
