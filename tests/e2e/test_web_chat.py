"""The web chat as people use it: a real Chromium, a real Redis, a real worker."""

from __future__ import annotations

import functools
import io
import re
import struct
import zlib
from pathlib import Path
from types import ModuleType
from typing import cast

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat

from bot.chat.privacy import noted_jobs
from bot.chat.recipe_files import recipe_in
from bot.presets.catalogue import load_presets
from nst.pictures.clips import open_clip
from tests.e2e.conftest import Pastiche, Stack, Until, serving_address
from tests.e2e.visiting import Come, Visit, photograph
from tests.traces import traces_left
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.tensorflow
def test_a_dropped_photograph_becomes_a_pastiche_closer_to_its_style(
    come: Come, shared_dir: Path, artefacts: Path
) -> None:
    visit = come()
    visit.page.screenshot(path=artefacts / "empty.png")
    content = photograph()
    visit.bring(content)
    visit.watch()
    card = visit.finished(visit.paint(method="fast", preset="starry-strokes"))
    assert "progressbar" in visit.said()
    assert any(re.match(r"One moment|Queued|Painting|Waiting", words) for words in visit.said())
    pastiche = visit.fetch(card.locator(".after").get_attribute("src"))
    assert card.get_by_role("slider", name="Compare photo and pastiche").count() == 1
    assert "Starry strokes, strength 100 · fast" in card.locator(".caption").inner_text()
    with visit.page.expect_download() as downloaded:
        card.get_by_text("Download").click()
    assert downloaded.value.suggested_filename == "pastiche-starry-strokes-100.jpg"
    kept = downloaded.value.path().read_bytes()
    assert Image.open(io.BytesIO(kept)).tobytes() == Image.open(io.BytesIO(pastiche)).tobytes()
    assert recipe_in(kept).presets == ("starry-strokes",)
    card.locator(".cut").fill("40")
    visit.page.screenshot(path=artefacts / "result.png")
    style = load_presets()["starry-strokes"].picture.read_bytes()
    assert _style_left(content, pastiche, style, shared_dir / "models" / "features") < 0.5
    assert not visit.stumbles


def _style_left(content: bytes, pastiche: bytes, style: bytes, features: Path) -> float:
    """R of nst.quality (1 is the untouched photograph, 0 the style's own statistics)."""
    import numpy as np

    from nst.device import configure_tensorflow
    from nst.pictures.decode import decode, resize

    configure_tensorflow()
    from nst.quality import Evaluator

    painted = decode(pastiche)
    photo = resize(decode(content), painted.width_px, painted.height_px)
    assert float(np.abs(painted.rgb - photo.rgb).mean()) > 0.05
    return Evaluator(features / "squeezenet_v10.npz").style_distance_ratio(
        photo.rgb, painted.rgb, decode(style, 512).rgb
    )


def test_a_pasted_picture_and_a_style_of_ones_own_move_the_colours(come: Come, artefacts: Path) -> None:
    visit = come()
    visit.bring(photograph("chelsea.png"), kind="paste", selector="body")
    blue = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").point([i // 4 for i in range(256)] * 2 + list(range(256))).save(
        blue, "PNG"
    )
    visit.hand_over(blue.getvalue(), selector="[data-drop=style]")
    visit.page.locator(".own input").wait_for(state="attached")
    card = visit.finished(visit.paint(preset="'own picture'"))
    before, after = (visit.fetch(card.locator(name).get_attribute("src")) for name in (".before", ".after"))
    assert _blueness(after) > _blueness(before) + 0.1
    assert "In the style of your picture" in card.locator(".caption").inner_text()
    assert {url for url in visit.requested if not url.startswith((visit.url, "data:", "blob:"))} == set()


def _blueness(picture: bytes) -> float:
    """Blue's share of the mean colour."""
    average = Image.open(io.BytesIO(picture)).convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = average.tobytes()
    return blue / (red + green + blue)


def test_only_the_background_of_a_mask_is_painted(come: Come, artefacts: Path) -> None:
    visit = come()
    visit.bring(photograph("chelsea.png"))
    mask, out = Image.new("L", (90, 60)), io.BytesIO()
    mask.paste(255, (45, 0, 90, 60))
    mask.save(out, "PNG")
    visit.page.locator(".mask-part summary").click()
    visit.hand_over(out.getvalue(), selector="[data-drop=mask]")
    visit.page.locator(".mask-picture").wait_for()
    visit.choose("region", "background")
    visit.page.screenshot(path=artefacts / "mask.png")
    card = visit.finished(visit.paint())
    before, after = (visit.fetch(card.locator(name).get_attribute("src")) for name in (".before", ".after"))
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        changes = ImageChops.difference(old.convert("RGB"), new.convert("RGB")).convert("L")
    left, right = (ImageStat.Stat(changes.crop((x, 10, x + 200, 290))).mean[0] for x in (10, 240))
    assert left > 10 > 3 > right, "but for JPEG"
    card.get_by_text("Show its code").click()
    code = card.locator(".recipe span .recipe-words[data-copy]").inner_text()
    visit.bring(photograph())
    assert visit.page.locator(".mask-picture").count() == 0, "another photo's mask means nothing"
    visit.path = "/playground"
    visit.open()
    visit.page.locator(".recipe-part summary").click()
    visit.page.locator("#recipe-code").fill(code)
    visit.page.locator(".recipe-part .code button").click()
    visit.page.locator(".mask-picture").wait_for()
    visit.page.locator("input[name=region][value=background]:checked").wait_for(state="attached")


def bomb() -> bytes:
    """A PNG of 50,000 x 50,000 pixels in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_bad_files_get_their_sentence_and_the_queue_goes_on(come: Come, artefacts: Path) -> None:
    visit = come()
    visit.bring(photograph())
    good = visit.chosen()
    refused = {
        "not a picture": b"these are words, and words are no picture " * 9,
        "drawing or document": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "damaged or was cut off": photograph()[:30],
        "50000 × 50000 pixels": bomb(),
        "file is empty": b"",
    }
    for words, data in refused.items():
        visit.hand_over(data)
        visit.page.wait_for_function(
            "(words) => document.querySelector('.problem').textContent.includes(words)", arg=words
        )
        assert visit.chosen() == good
    visit.hand_over(b"\xff\xd8\xff", padding=20 * 2**20)
    visit.page.locator(".problem", has_text="20.0 MiB").wait_for()
    visit.page.screenshot(path=artefacts / "refused.png")
    visit.bring(photograph("chelsea.png")[:40_000])  # sound in its header: only the worker can know
    broken = visit.paint()
    broken.locator(".outcome").wait_for()
    assert "damaged or was cut off" in broken.locator(".outcome").inner_text()
    visit.bring(photograph())
    visit.finished(visit.paint())
    assert not visit.stumbles


def test_two_browsers_never_see_each_others_pictures(come: Come) -> None:
    ann, bob = come(), come()
    ann.bring(photograph())
    card = ann.finished(ann.paint())
    sources = [card.locator(name).get_attribute("src") for name in (".before", ".after")]
    assert all(ann.fetch(source) for source in sources)
    bob.open()
    assert bob.page.locator(".card").count() == 0
    for source in sources:
        assert bob.page.request.get(f"{bob.url}{source}").status == 404
    answer = ann.page.request.get(f"{ann.url}{sources[0]}")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in ann.page.request.get(ann.url).headers["content-security-policy"]


@pytest.mark.parametrize(("locale", "words"), [("en-GB", "Forget me"), ("fr-FR", "Oubliez-moi")])
def test_forget_me_empties_the_wall_on_all_pages_and_leaves_nothing(
    come: Come, stack: Stack, until: Until, artefacts: Path, locale: str, words: str
) -> None:
    other, visit = come(), come(locale=locale)
    shared = photograph("chelsea.png")
    for one, photo in ((other, shared), (visit, shared), (visit, photograph("rocket.jpg"))):
        one.bring(photo)
        card = one.finished(one.paint())
    card.locator(".code").click()
    card.locator(".recipe span .recipe-words[data-copy]").wait_for()
    visit.hand_over(photograph("astronaut.png"), selector="[data-drop=style]")  # sent, and never used
    visit.page.locator(".own input").wait_for(state="attached")
    pictures = [visit.fetch(card.locator(name).get_attribute("src")) for name in (".before", ".after")]
    second = come(context=visit.page.context, path="/playground")
    second.page.locator(".card").first.wait_for()
    with connect(stack.redis_url) as connection:
        (user,) = {
            name.decode().rpartition(":")[2]
            for name in connection.scan_iter("pastiche:web:wall:*")
            if blob_hash(pictures[0]).encode() in b"".join(cast("list[bytes]", connection.hvals(name)))
        }
        jobs = noted_jobs(connection, user)
        digests = [blob_hash(data) for data in (*pictures, photograph("rocket.jpg"), photograph("astronaut.png"))]
        mine: list[str | bytes] = [user, *digests, *pictures, *jobs]
        assert len(jobs) == 2
        assert len(traces_left(connection, mine)) > 20
        visit.page.locator(".forget summary", has_text=words).click()
        visit.page.screenshot(path=artefacts / f"forget-{locale}.png")
        visit.page.locator(".forget button").click()
        visit.page.locator(".forgotten", has_text="2").wait_for()
        second.page.locator(".forgotten", has_text="2").wait_for()
        for page in (visit.page, second.page):
            assert page.locator(".card").count() == 0
            assert not page.locator(".chosen").get_attribute("src")
        until(lambda: traces_left(connection, mine, but=map(keys.done, jobs)) == [], "nothing of theirs is left")
        assert connection.exists(keys.blob(blob_hash(shared)))
    other.open()
    assert other.fetch(other.page.locator(".card .before").first.get_attribute("src")) == shared
    assert not visit.stumbles


def test_uploads_are_refused_from_other_sites_and_when_they_are_too_large(come: Come) -> None:
    visit = come()
    session = {str(cookie["name"]): str(cookie["value"]) for cookie in visit.page.context.cookies()}
    post = functools.partial(httpx.post, f"{visit.url}/pictures", cookies=session, timeout=60)
    assert post(content=photograph()).status_code == 403
    answer = post(content=bytes(20 * 2**20 + 1), headers={"X-Pastiche": "1"})
    assert answer.status_code == 422
    assert answer.json() == {
        "sentence": "That file has 20.0 MiB; at most 20.0 MiB are possible. Send a smaller copy.",
    }


def test_a_result_that_came_while_nobody_was_there_hangs_at_the_next_visit(come: Come) -> None:
    visit = come()
    visit.bring(photograph())
    job_id = visit.paint().get_attribute("data-job") or ""
    visit.page.close()
    again = come(context=visit.page.context)
    again.finished(again.card(job_id))
    assert again.chosen() != ""


def test_the_buttons_under_a_result_do_what_they_say(come: Come, artefacts: Path) -> None:
    visit = come()
    visit.bring(photograph())
    card = visit.finished(visit.paint())
    assert card.get_by_role("button", name="+ strength").count() == 0
    card.get_by_role("button", name="Strip of strengths").click()
    strip = visit.page.locator(".strip")
    visit.page.wait_for_function("document.querySelectorAll('.cell.ready').length === 5")
    pictures = {visit.fetch(strip.locator("img").nth(i).get_attribute("src")) for i in range(5)}
    assert len(pictures) == 5
    visit.page.screenshot(path=artefacts / "strip.png")
    strip.get_by_role("button", name="Take strength 40").click()
    picked = visit.page.locator(".card.finished").first
    picked.locator(".caption", has_text="strength 40").wait_for()
    picked.get_by_role("button", name="− strength").click()
    visit.page.locator(".caption", has_text="strength 20").wait_for()
    card.get_by_role("button", name="Colours on/off").click()
    visit.page.locator(".recipe-words", has_text="keep-colours").wait_for()
    visit.open()
    visit.page.wait_for_function("document.querySelectorAll('.card').length === 5")
    visit.page.locator(".card:not(.strip)").first.get_by_role("button", name="Delete").click()
    visit.page.wait_for_function("document.querySelectorAll('.card').length === 4")
    assert not visit.stumbles


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_without_scrolling_sideways(come: Come, artefacts: Path, scheme: str) -> None:
    looks = {"viewport": {"width": 375, "height": 812}, "color_scheme": scheme, "locale": "fr-FR"}
    visit = come(**looks, reduced_motion="reduce")
    visit.page.get_by_role("button", name="Prendre une photo d'exemple").click()
    visit.page.locator(".drop.filled").wait_for()
    visit.finished(visit.paint(preset="mosaic"))
    assert visit.page.get_by_role("button", name="Peindre").count() == 1
    assert visit.page.evaluate("document.documentElement.lang") == "fr"
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 375
    assert visit.page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")
    nameless = "[...document.querySelectorAll('button')].filter((b) => !(b.textContent || b.ariaLabel)).length"
    assert visit.page.evaluate(nameless) == 0
    visit.page.screenshot(path=artefacts / f"phone-{scheme}.png", full_page=True)


def test_the_keyboard_is_enough(come: Come) -> None:
    visit = come()
    visit.bring(photograph())
    keyboard = visit.page.keyboard
    visit.page.locator("input[name=preset]:checked").focus()
    keyboard.press("ArrowRight")
    assert visit.page.locator("input[name=preset]:checked").get_attribute("value") == list(load_presets())[1]
    visit.page.locator("#strength").focus()
    keyboard.press("ArrowLeft")
    assert visit.page.locator("#strength-shown").inner_text() == "99"
    visit.page.locator("input[name=method]:checked").focus()
    for _ in range(2):  # from the first one to the third: palette
        keyboard.press("ArrowDown")
    keyboard.press("Enter")
    card = visit.page.locator(".card").first
    visit.finished(card)
    assert "strength 99 · palette" in card.locator(".caption").inner_text()
    cut = card.locator(".cut")
    cut.focus()
    keyboard.press("ArrowRight")
    assert cut.input_value() == "1"


def test_without_a_worker_jobs_wait_and_a_queue_that_is_away_is_told_politely(
    come: Come, tmp_path: Path, until: Until
) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        settings = {"REDIS_URL": server.url, "WEB_PORT": "0", "DATA_DIR": str(tmp_path / "data")}
        web = Pastiche("web", tmp_path / "web", settings)
        try:
            visit = come(serving_address(web, until))
            visit.bring(photograph())
            card = visit.paint()
            card.locator(".status", has_text="Nobody paints just now").wait_for()
            visit.open()
            card.locator(".status", has_text="Nobody paints just now").wait_for()
            second = visit.paint()
            second.get_by_role("button", name="Cancel").click()
            second.locator(".outcome", has_text="Cancelled.").wait_for()
            card.get_by_role("progressbar").wait_for()
            assert visit.page.request.get(f"{visit.url}/healthz").status == 200
            server.stop()
            visit.page.locator(".banner", has_text="doesn't answer").wait_for()
            assert visit.page.request.get(f"{visit.url}/healthz").status == 503
            assert "Traceback" not in visit.page.content()
            assert not (tmp_path / "web" / ".nicegui").exists()
        finally:
            web.stop()


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
    visit.page.get_by_text("Size and seed").click()
    visit.page.locator("input[name=still]").check()
    card = visit.finished(visit.paint(preset="mosaic"))
    card.locator("img.after").wait_for()
    visit.hand_over(clips.mp4(clips.panned(22), rate=2))
    assert "lasts 11.0 s" in visit.problem()
    assert not visit.stumbles


def test_the_log_keeps_quiet_about_pictures(stack: Stack) -> None:
    """Runs last: whatever the tests above did, no stack trace and no digest of a picture is in the log."""
    assert "Traceback" not in stack.web.log
    assert not re.search(r"\b[0-9a-f]{64}\b", stack.web.log)
