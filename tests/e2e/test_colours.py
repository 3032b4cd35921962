"""What is painted has the colours that the Chromium of this machine shows: code points, and high dynamic range."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from nst.pictures.decode import decode
from tests.nst.pictures.formats.test_code_points import SHOWN, avif_saying, png_saying, ramps
from tests.picture_samples import seen

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STILL = "<style>*{margin:0}</style><img src='data:image/png;base64,"


@pytest.mark.parametrize("made", [png_saying, avif_saying], ids=["png", "avif"])
def test_every_level_of_a_gradient_is_as_chromium_shows_it(
    chromium: Browser, made: Callable[[int, int], bytes]
) -> None:
    height, width = ramps().shape[:2]
    page = chromium.new_page(viewport={"width": width, "height": height})
    for said in SHOWN:
        data = made(*said)
        page.set_content(f"{STILL}{base64.b64encode(data).decode()}'>")
        page.evaluate("document.images[0].decode()")
        with Image.open(io.BytesIO(page.screenshot())) as screen:
            shown = np.asarray(screen.convert("RGB"), np.float64)
        assert np.abs(seen(decode(data)) - shown).max() <= 6, said
    page.close()
