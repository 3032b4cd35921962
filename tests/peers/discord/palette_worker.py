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

from nst.clip_painting import PaintedClip
from nst.engine import Engine, Perform, perform_whole
from nst.errors import Cancelled
from nst.images import decode
from nst.method import IsCancelled, MethodSettings, Pastiche, Progress, Report, never_cancelled, no_report
from nst.options import StyleOptions
from workers.__main__ import run_worker

HOLD = "tests:hold"


class HeldEngine:
    """Waits at a quarter of the way while it is held; it offers no slices, so slow jobs wait here as well."""

    def __init__(self, redis_url: str) -> None:
        self._engine = Engine(MethodSettings())
        self._connection = redis.Redis.from_url(redis_url)

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
        perform: Perform = perform_whole,
        mask: bytes | None = None,
    ) -> Pastiche:
        self._wait(content, report, cancelled)
        return self._engine.stylize(content, styles, options, report, cancelled, perform, mask)

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
        return self._engine.stylize_clip(content, styles, options, media_type, report, cancelled, max_bytes, mask)

    def _wait(self, content: bytes, report: Report, cancelled: IsCancelled) -> None:
        held = self._connection.get(HOLD)
        while held and self._connection.get(HOLD) == held:
            report(Progress(0.25, preview=lambda: decode(content)))
            if cancelled():
                raise Cancelled
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1], engine=HeldEngine(sys.argv[1])))
