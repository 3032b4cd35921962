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


# What a stopped animation shows in its place, and what a film in view says.
_FROZEN = "(n) => document.querySelectorAll('.card canvas[data-frozen]').length === n"
_STOPPED = """(stopped) => {
  const film = document.querySelector("video.after");
  film.scrollIntoView({ block: "center" });
  return film.paused === stopped;
}"""


def test_clips_are_painted_and_play(come: Come, clips: ModuleType, artefacts: Path) -> None:
    visit = come()
    visit.bring(clips.gif(clips.panned(6, 192, 128)))
    visit.finished(visit.paint(preset="mosaic"))
    assert frames_of(download(visit, "pastiche-mosaic-100.gif")) == 6
    pause = visit.page.get_by_role("button", name="Pause what moves")
    pause.focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(_FROZEN, arg=2)
    assert visit.page.locator("canvas.after").get_attribute("aria-label")
    visit.page.get_by_role("button", name="Play what moves").click()
    visit.page.wait_for_function(_FROZEN, arg=0)
    visit.bring(clips.mp4(clips.panned(12, 192, 128)))
    visit.page.wait_for_function(_SHOWN, arg=["chosen"])
    visit.finished(visit.paint(preset="mosaic"))
    for name in ("after", "before"):
        visit.page.wait_for_function(_SHOWN, arg=[name])
    visit.page.locator(".card .cut").first.fill("50")
    visit.page.screenshot(path=artefacts / "clip.png")
    visit.page.wait_for_function(_STOPPED, arg=False)
    visit.page.emulate_media(reduced_motion="reduce")
    visit.page.evaluate("sessionStorage.clear()")
    visit.open()
    visit.page.get_by_role("button", name="Play what moves").wait_for()
    visit.page.wait_for_function(_SHOWN, arg=["after"])
    visit.page.wait_for_function(_FROZEN, arg=2)
    visit.page.wait_for_function(_STOPPED, arg=True)
    visit.page.get_by_role("button", name="Play what moves").click()
    visit.page.wait_for_function(_STOPPED, arg=False)
    visit.page.get_by_role("button", name="Pause what moves").click()
    visit.page.wait_for_function(_STOPPED, arg=True)
    assert frames_of(download(visit, "pastiche-mosaic-100.mp4")) == 12
    assert visit.page.locator(".card").first.locator("[data-button=strip]").count() == 0
    visit.page.locator("details.more summary").click()
    visit.page.locator("input[name=still]").check()
    card = visit.finished(visit.paint(preset="mosaic"))
    card.locator("img.after").wait_for()
    visit.hand_over(clips.mp4(clips.panned(22), rate=2))
    assert "lasts 11.0 s" in visit.problem()
    assert not visit.stumbles
