"""Pictures for measurements that are not about pictures."""

from __future__ import annotations

import io

from PIL import Image


def gradient(side_px: int, angle: int) -> bytes:
    """A PNG with colours.

    Args:
        side_px: Its longer side.
        angle: Degrees; other angles, other colours.
    """
    ramp = Image.linear_gradient("L").resize((side_px, side_px * 3 // 4))
    out = io.BytesIO()
    Image.merge("RGB", [ramp.rotate(angle * (band + 1)) for band in range(3)]).save(out, "PNG")
    return out.getvalue()
