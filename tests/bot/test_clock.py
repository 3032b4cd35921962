"""A frontend whose host's clock is days off ends no challenge early and counts no day anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from bot.challenges import keys as challenge_keys
from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from bot.chat.privacy import noted_jobs
from tests.clocks import DAY_S, clock_off_by
from workers.store.clock import server_time_s

ROOT = Path(__file__).resolve().parents[2]
CLOCKS = pytest.mark.parametrize("offset_s", [8 * DAY_S, -8 * DAY_S], ids=["ahead", "behind"])

FRONTEND = """
import io, sys
from PIL import Image
from bot.challenges.service import Challenges
from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from nst.errors import BusyError
from nst.options import StyleOptions
from workers.store.blobs import blob_hash
from workers.client.client import QueueClient
from workers.store.connection import connect
from workers.contract import Job
out = io.BytesIO()
Image.new("RGB", (32, 32)).save(out, "PNG")
digest = blob_hash(out.getvalue())
connection = connect(sys.argv[1])
for name in ("old", "new"):
    job = Job(job_id=name, frontend="web", content=digest, styles=(digest,), options=StyleOptions(), user="u")
    QueueClient(connection).submit(job, [out.getvalue()])
try:
    ChatSettingsStore(connection).take("c", "u", ChatSettings(per_user_per_day=1))
except BusyError as error:
    print(error.code)
print(Challenges(connection, {}).clock.tick())
"""


@CLOCKS
def test_a_frontend_with_another_clock(redis_url: str, redis_connection: redis.Redis, offset_s: int) -> None:
    now_s = server_time_s(redis_connection)
    redis_connection.zadd(challenge_keys.DUE, {"gone|close": now_s - 60, "there|close": now_s + 3600})
    redis_connection.zadd("pastiche:userjobs:u", {"earlier": now_s - 60})
    ChatSettingsStore(redis_connection).take("c", "u", ChatSettings(per_user_per_day=1))
    said = subprocess.run(
        [sys.executable, "-c", FRONTEND, redis_url],
        cwd=ROOT,
        env={**os.environ, **clock_off_by(offset_s)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.split() == ["rate_limited", "1"]
    assert redis_connection.zrange(challenge_keys.DUE, 0, -1) == [b"there|close"]
    assert noted_jobs(redis_connection, "u") == ["earlier", "old", "new"]
