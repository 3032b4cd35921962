"""What reading and writing clips share: when each frame is shown, and how often all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

# Chromium, Firefox and WebKit show a GIF's frames of 10 ms and less for 100 ms.
_HURRIED_MS, _AS_SHOWN_MS = 10, 100


@dataclass(frozen=True)
class Timing:
    """A clip's timing.

    Attributes:
        durations_ms: For how long each frame is shown, as the file says.
        plays: How often the clip is played; 0 is for ever.
        start_ms: When the first frame is shown, after the file's beginning: films may begin with sound alone.
    """

    durations_ms: tuple[float, ...]
    plays: int = 0
    start_ms: float = 0.0

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.durations_ms)

    def as_shown(self) -> Timing:
        """A GIF's or WEBP's timing as browsers show it, for formats that are taken at their word."""
        shown = (duration if duration > _HURRIED_MS else _AS_SHOWN_MS for duration in self.durations_ms)
        return replace(self, durations_ms=tuple(shown))

    def thinned(self, least_ms: float) -> tuple[Timing, frozenset[int]]:
        """A film's timing for formats that cannot show as many frames a second.

        Args:
            least_ms: For how long a frame is shown at least.

        Returns:
            The timing, and the numbers of the frames that are left; their neighbours' time is theirs.
        """
        kept: list[int] = []
        durations: list[float] = []
        for number, duration in enumerate(self.durations_ms):
            if durations and durations[-1] < least_ms:
                durations[-1] += duration
            else:
                kept.append(number)
                durations.append(duration)
        return replace(self, durations_ms=tuple(durations)), frozenset(kept)


def rounded(durations_ms: tuple[float, ...], unit_ms: float) -> list[int]:
    """Durations in whole units whose sum does not drift.

    Args:
        durations_ms: Milliseconds each.
        unit_ms: What a file format counts in.
    """
    units, before, now_ms = [], 0, 0.0
    for duration in durations_ms:
        now_ms += duration
        units.append(round(now_ms / unit_ms) - before)
        before += units[-1]
    return units
