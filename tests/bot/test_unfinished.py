from __future__ import annotations

import io

import redis
from PIL import Image

from bot.unfinished import unfinished_jobs
from nst.options import StyleOptions
from workers import keys
from workers.blobs import blob_hash
from workers.client import QueueClient
from workers.contract import Job


def test_a_frontend_finds_its_own_unfinished_jobs(redis_connection: redis.Redis) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    picture, client = out.getvalue(), QueueClient(redis_connection)
    for job_id, frontend, user in (("a", "one", "ann"), ("b", "two", "ann"), ("c", "one", "bob"), ("d", "one", "bob")):
        digest = blob_hash(picture)
        job = Job(job_id=job_id, frontend=frontend, user=user, content=digest, styles=(digest,), options=StyleOptions())
        client.submit(job, [picture])
    client.cancel("d", "bob")
    assert {job.job_id for job in unfinished_jobs(redis_connection, "one")} == {"a", "c"}
    redis_connection.hset(keys.record("a"), "job", '{"version": 99}')
    assert {job.job_id for job in unfinished_jobs(redis_connection, "one")} == {"c"}
