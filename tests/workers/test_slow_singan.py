"""SinGAN as a slow job: it gives way in mid-training, goes on in another process, and is trained once for all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import redis

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.errors import Cancelled  # noqa: E402
from nst.method import MethodSettings, Progress, Request, Run, no_report  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402
from nst.singan.method import SinGan  # noqa: E402
from nst.singan.store import share_pyramids  # noqa: E402
from workers.store import keys  # noqa: E402
from workers.store.pyramids import RedisPyramids  # noqa: E402
from workers.worker import slices  # noqa: E402
from workers.worker.slices import GivesWay, Slices, Stopped  # noqa: E402

OPTIONS = StyleOptions(method="singan", strength=0.8)


def picture(seed: int) -> Picture:
    noise = np.random.default_rng(seed).random((12, 16, 3)).astype(np.float32)
    return Picture(np.kron(noise, np.ones((4, 4, 1), np.float32)))


REQUEST = Request(picture(1), [picture(2)], OPTIONS)


@pytest.fixture
def pyramids(redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisPyramids]:
    """The store that workers share; slices of one step."""
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    store = RedisPyramids(redis_connection)
    share_pyramids(store)
    yield store
    share_pyramids(None)


def never() -> bool:
    return False


def begin(state: bytes) -> Run:
    return SinGan(MethodSettings(singan_budget="40:4")).begin(REQUEST, state)


def test_a_job_gives_way_and_goes_on_elsewhere_and_its_pyramid_is_for_all(
    redis_connection: redis.Redis, pyramids: RedisPyramids
) -> None:
    for _ in range(3):
        busy = Slices(redis_connection, lambda: True)  # a new one remembers nothing: another process
        with pytest.raises(GivesWay):
            busy.run("job", begin, no_report, never)
    assert redis_connection.hexists(keys.record("job"), "checkpoint")
    seen: list[Progress] = []
    quiet = Slices(redis_connection, never)
    resumed = quiet.run("job", begin, seen.append, never)
    assert seen[0].step == 4, "three steps were done before"
    assert not redis_connection.hexists(keys.record("job"), "checkpoint")
    seen.clear()
    again = quiet.run("other", begin, seen.append, never)
    assert len(seen) == 1, "nothing is left to train"
    assert np.array_equal(again.picture.rgb, resumed.picture.rgb)


def test_who_stops_it_gets_what_there_is_or_nothing(redis_connection: redis.Redis, pyramids: RedisPyramids) -> None:
    seen: list[Progress] = []

    def stopped() -> bool:
        return len(seen) > 5

    with pytest.raises(Cancelled):
        Slices(redis_connection, never).run("job", begin, seen.append, stopped)
    redis_connection.set(keys.cancel("kept"), keys.STOP_AND_KEEP)
    seen.clear()
    with pytest.raises(Stopped) as kept:
        Slices(redis_connection, never).run("kept", begin, seen.append, stopped)
    assert kept.value.pastiche.picture.rgb.shape == REQUEST.content.rgb.shape
    assert redis_connection.hexists(keys.record("kept"), "checkpoint"), "so it can go on"
