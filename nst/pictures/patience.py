"""How long a clip's frames are waited for: a sound clip may be long, a hostile one may not."""

from __future__ import annotations

from nst.errors import UserError

PATIENCE_S = 4.5
# What a processor three times as slow as ours is given for a frame.
_FRAME_S, _PIXELS_A_SECOND = 0.01, 10_000_000


class Patience:
    """Seconds that are spent by waiting and earned by frames, never more of them than at first.

    Attributes:
        left_s: For how long the next frame may be waited for.

    Args:
        seconds: At first.
    """

    def __init__(self, seconds: float = PATIENCE_S) -> None:
        self.left_s = self._most_s = seconds

    def waited(self, seconds: float) -> None:
        """Spend some.

        Raises:
            UserError: ``clip_too_costly``: there is no more.
        """
        self.left_s -= seconds
        if self.left_s <= 0:
            raise UserError("clip_too_costly")

    def came(self, pixels: int) -> None:
        """Earn what a frame is worth.

        Args:
            pixels: Of the frame as it is stored.
        """
        self.left_s = min(self._most_s, self.left_s + _FRAME_S + pixels / _PIXELS_A_SECOND)
