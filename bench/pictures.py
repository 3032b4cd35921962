"""Pictures for measurements that are not about pictures."""

from __future__ import annotations

import io

from PIL import Image


def gradient(side_px: int, angle: int, other_px: int = 0) -> bytes:
    """A PNG with colours.

    Args:
        side_px: Its width.
        angle: Degrees; other angles, other colours.
        other_px: Its height; three quarters of the width if left out.
    """
    ramp = Image.linear_gradient("L").resize((side_px, other_px or side_px * 3 // 4))
    out = io.BytesIO()
    Image.merge("RGB", [ramp.rotate(angle * (band + 1)) for band in range(3)]).save(out, "PNG")
    return out.getvalue()
