"""A real worker that is up at once (nothing is warmed up, so TensorFlow is not loaded) and can be held.

While the key ``HOLD`` has the value that it had at a job's start, that job runs without getting on; it can still be
cancelled, and shows the content image as its preview. Who holds anew takes another value: a job that was let go in
between, however shortly, goes on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import redis

from nst.engine import Engine, Painting
from nst.errors import Cancelled
from nst.method import IsCancelled, MethodSettings, Progress, Report, never_cancelled, no_report
from nst.options import StyleOptions
from nst.pictures.clip_painting import PaintedClip
from nst.pictures.decode import decode
from workers.__main__ import run_worker

HOLD = "tests:hold"


class HeldEngine(Engine):
    """Waits at a quarter of the way while it is held; slow jobs wait here as well, and give way to nobody."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(MethodSettings())
        self._connection = redis.Redis.from_url(redis_url)

    def begin(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        state: bytes = b"",
        cancelled: IsCancelled = never_cancelled,
        mask: bytes | None = None,
    ) -> Painting:
        painting = super().begin(content, styles, options, state, cancelled, mask)
        advance = painting.advance

        def held(
            budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
        ) -> bool:
            self._wait(content, report, cancelled)
            return advance(None, report, cancelled)

        painting.advance = held  # type: ignore[method-assign]
        return painting

    def stylize_clip(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        media_type: str,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
        max_bytes: int | None = None,
        mask: bytes | None = None,
    ) -> PaintedClip:
        self._wait(content, report, cancelled)
        return super().stylize_clip(content, styles, options, media_type, report, cancelled, max_bytes, mask)

    def _wait(self, content: bytes, report: Report, cancelled: IsCancelled) -> None:
        held = self._connection.get(HOLD)
        while held and self._connection.get(HOLD) == held:
            report(Progress(0.25, preview=lambda: decode(content)))
            if cancelled():
                raise Cancelled
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1], engine=HeldEngine(sys.argv[1])))
