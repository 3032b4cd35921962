"""Clips in the web studio: what moves is brought, painted, compared and downloaded, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from nst.clips import open_clip
from tests.e2e.visiting import Come, Visit

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]

# Not "plays": Chromium waits with that until a film is in view.
_SHOWN = "([name]) => document.querySelector(`video.${name}`)?.readyState > 1"


def frames_of(data: bytes) -> int:
    with open_clip(data, 1024) as clip:
        return len(list(clip.frames()))


def download(visit: Visit, name: str) -> bytes:
    with visit.page.expect_download() as downloaded:
        visit.page.locator(".card").first.get_by_text("Download").click()
    assert downloaded.value.suggested_filename == name
    data: bytes = downloaded.value.path().read_bytes()
    return data


def test_clips_are_painted_and_play(come: Come, clips: ModuleType, artefacts: Path) -> None:
    visit = come()
    visit.bring(clips.gif(clips.panned(6, 192, 128)))
    visit.finished(visit.paint(preset="mosaic"))
    assert frames_of(download(visit, "pastiche-mosaic-100.gif")) == 6
    visit.bring(clips.mp4(clips.panned(12, 192, 128)))
    visit.page.wait_for_function(_SHOWN, arg=["chosen"])
    visit.finished(visit.paint(preset="mosaic"))
    for name in ("after", "before"):
        visit.page.wait_for_function(_SHOWN, arg=[name])
    visit.page.locator(".card .cut").first.fill("50")
    visit.page.screenshot(path=artefacts / "clip.png")
    assert frames_of(download(visit, "pastiche-mosaic-100.mp4")) == 12
    assert visit.page.locator(".card").first.locator("[data-button=strip]").count() == 0
    visit.page.locator("details.more summary").click()
    visit.page.locator("input[name=still]").check()
    card = visit.finished(visit.paint(preset="mosaic"))
    card.locator("img.after").wait_for()
    visit.hand_over(clips.mp4(clips.panned(22), rate=2))
    assert "lasts 11.0 s" in visit.problem()
    assert not visit.stumbles
