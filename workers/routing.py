"""Which queue a job waits in, how long it may take, and what it is like for estimates."""

from __future__ import annotations

from nst.options import StyleOptions

FAST, SLOW = "fast", "slow"
QUEUES = (FAST, SLOW)  # in order of priority

_QUEUE_OF = {"fast": FAST, "palette": FAST, "gatys": SLOW, "patches": SLOW, "singan": SLOW, "auto": SLOW}
_TIMEOUT_S = {"fast": 180, "palette": 60, "gatys": 1800, "patches": 900, "singan": 5400, "auto": 1800}
_FRAME_TIMEOUT_S = 3  # a frame of 1024 px takes one on two cores
_BUCKETS_PX = (256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192)

TASK = "workers.tasks.stylize"


def queue_of(method: str) -> str:
    """The queue of a method: ``fast`` for what takes a second, ``slow`` for what takes minutes."""
    return _QUEUE_OF[method]


def timeout_s(method: str, frames: int = 1) -> int:
    """Seconds after which a job of a method is given up.

    Args:
        method: One of ``options.METHODS``.
        frames: Of a clip.
    """
    return _TIMEOUT_S[method] + (frames - 1) * _FRAME_TIMEOUT_S


def kind_of(options: StyleOptions, longest_side_px: int, frames: int = 1) -> str:
    """What jobs have in common that take about the same time: method and size, frames and steps, in coarse rungs.

    Args:
        options: The job's options.
        longest_side_px: Longer side of its content image.
        frames: Of a clip.

    Returns:
        For instance ``fast:768``, ``gatys:512:256`` for 193 to 256 steps, or ``fast:512x64`` for clips of 33 to 64
        frames.
    """
    side_px = min(longest_side_px, options.max_side_px)
    bucket = next(size for size in (*_BUCKETS_PX, side_px) if size >= side_px)
    steps = f":{_rung(options.steps)}" if options.steps else ""
    clip = f"x{1 << (frames - 1).bit_length()}" if frames > 1 else ""
    return f"{options.method}:{bucket}{clip}{steps}"


def _rung(steps: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, 16 …: every number of steps would be a kind of its own, measured once."""
    above = 1 << (steps - 1).bit_length()
    return above * 3 // 4 if 4 * steps <= 3 * above else above
