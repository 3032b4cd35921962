"""Patches and auto as slow jobs: they give way between steps, go on in another process, and say the same as at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import redis

from nst.method import MethodSettings, Progress, Request, Run, create_method, no_report, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture
from workers.store import keys
from workers.worker import slices
from workers.worker.slices import GivesWay, Slices, Stopped


def picture(seed: int, block_px: int) -> Picture:
    noise = np.random.default_rng(seed).random((48 // block_px, 64 // block_px, 3)).astype(np.float32)
    return Picture(np.kron(noise, np.ones((block_px, block_px, 1), np.float32)))


CONTENT, STYLE = picture(1, 8), picture(2, 2)
FLAT = Picture(np.full((48, 64, 3), (0.2, 0.5, 0.8), np.float32))


def begin(style: Picture, options: StyleOptions) -> Callable[[bytes], Run]:
    method = create_method(options.method, MethodSettings())
    return lambda state: method.begin(Request(CONTENT, [style], options), state)


def never() -> bool:
    return False


def test_patches_give_way_and_go_on_elsewhere_to_the_same_picture(
    redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_S", 0.0)
    options = StyleOptions(method="patches", steps=4)
    for _ in range(2):
        busy = Slices(redis_connection, lambda: True)  # a new one remembers nothing: another process
        with pytest.raises(GivesWay):
            busy.run("job", begin(STYLE, options), no_report, never)
    assert redis_connection.hexists(keys.record("job"), "checkpoint")
    seen: list[Progress] = []
    resumed = Slices(redis_connection, never).run("job", begin(STYLE, options), seen.append, never)
    assert seen[0].step == 3, "two steps were done before"
    assert not redis_connection.hexists(keys.record("job"), "checkpoint")
    whole = stylize(create_method("patches", MethodSettings()), CONTENT, [STYLE], options)
    assert np.array_equal(resumed.picture.rgb, whole.picture.rgb)


def test_auto_says_in_its_result_why_it_took_its_method(redis_connection: redis.Redis) -> None:
    options = StyleOptions(method="auto")
    made = Slices(redis_connection, never).run("job", begin(FLAT, options), no_report, never)
    assert (made.method, [notice.code for notice in made.notices]) == ("palette", ["auto_smooth"])


def test_who_keeps_auto_before_its_one_pass_keeps_the_photograph(redis_connection: redis.Redis) -> None:
    options = StyleOptions(method="auto")
    redis_connection.set(keys.cancel("job"), keys.STOP_AND_KEEP)
    with pytest.raises(Stopped) as caught:
        Slices(redis_connection, never).run("job", begin(FLAT, options), no_report, lambda: True)
    assert np.array_equal(caught.value.pastiche.picture.rgb, CONTENT.rgb)
    redis_connection.delete(keys.cancel("job"))
    made = Slices(redis_connection, never).run("job", begin(FLAT, options), no_report, never)
    assert made.method == "palette"
