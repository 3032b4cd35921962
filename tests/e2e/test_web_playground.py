"""The playground, the gallery and the operator's page as people use them: a real Chromium, Redis and workers."""

from __future__ import annotations

import io
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image, ImageChops, ImageSequence, ImageStat

from bot.recipe_files import recipe_in
from tests.bot.challenges.conftest import World
from tests.e2e.conftest import Pastiche, Stack, Until
from tests.e2e.visiting import Come, Visit, photograph
from workers.connection import connect
from workers.service_times import live_workers

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(300)]
_BY_NOW = "(n) => document.querySelectorAll('.card').length > n"


@pytest.fixture
def play(come: Come) -> Callable[..., Visit]:
    """Opens the playground."""

    def arrive(**how: Any) -> Visit:
        visit = come(path="/playground", **how)
        visit.page.wait_for_function("document.querySelector('.pad').style.getPropertyValue('--x') !== ''")
        return visit

    return arrive


def paint(visit: Visit, button: str = "button.paint", **fields: object) -> Locator:
    """Set fields, press the button, and return the newest card."""
    page = visit.page
    if "method" in fields:
        visit.choose("method", str(fields.pop("method")))
    for name, value in fields.items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("(e) => e.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
    before = page.locator(".card").count()
    page.locator(button).click()
    page.wait_for_function(_BY_NOW, arg=before)
    return visit.card(page.locator(".card").first.get_attribute("data-job") or "")


def pixels(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def points(card: Locator) -> int:
    """How many points the curve of the total has."""
    return (card.locator("path.curve.total").get_attribute("d") or "").count("L")


def test_gatys_develops_with_its_curves_stops_and_goes_on(play: Any, until: Until, artefacts: Path) -> None:
    visit = play()
    visit.page.get_by_role("button", name="Sample: a cat").click()
    visit.page.locator(".drop.filled").wait_for()
    card = paint(visit, method="gatys", size=128, steps=3000, start="noise")
    until(lambda: points(card) > 3, "curves")
    card.locator(".preview.seen").wait_for()
    visit.page.screenshot(path=artefacts / "playground-running.png")
    visit.page.reload()
    until(lambda: points(card) > 3, "the curves after a reload")
    card.get_by_role("button", name="Stop here").click()
    card.get_by_role("button", name="Go on").wait_for()
    stopped = visit.fetch(card.locator(".after").get_attribute("src"))
    assert Image.open(io.BytesIO(stopped)).width == 128
    card.get_by_role("button", name="Go on").click()
    status = visit.page.locator(".card .status", has_text="step")
    status.wait_for()
    assert int(status.inner_text().split("step ")[1].split()[0]) > 4
    visit.page.get_by_role("button", name="Cancel").click()
    visit.page.locator(".outcome", has_text="Cancelled.").wait_for()
    assert not visit.stumbles


def test_a_mix_is_painted_compared_and_its_recipe_gives_the_same_again_elsewhere(play: Any, artefacts: Path) -> None:
    ann = play()
    ann.bring(photograph())
    for name in ("mosaic", "peacock"):
        ann.page.locator(f"[data-style={name}]").click()
    pad = ann.page.locator(".mixer[data-styles='3'] .pad")
    pad.click(position={"x": 50, "y": 200})
    ann.page.locator(".at-2 output", has_text=re.compile(r"[6-9]\d %")).wait_for()
    ann.page.screenshot(path=artefacts / "playground-mixer.png")
    card = ann.finished(paint(ann, method="fast", size=256, strength=73, scale=1.3))
    with ann.page.expect_download() as downloaded:
        card.get_by_text("Download").click()
    file = downloaded.value.path().read_bytes()
    recipe = recipe_in(file)
    assert recipe.presets == ("woodblock-waves", "mosaic", "peacock")
    assert (recipe.options.strength, recipe.options.style_scale, recipe.options.max_side_px) == (0.73, 1.3, 256)
    assert recipe.options.style_weights[2] > 0.6
    card.get_by_role("button", name="Show its code").click()
    code = card.locator(".recipe span .recipe-words[data-copy]").inner_text()
    for way in ("file", "code"):
        bob = play()
        bob.page.locator(".recipe-part summary").click()
        if way == "file":
            bob.hand_over(file, selector="[data-drop=recipe]")
            bob.page.locator(".recipe-part .notice", has_text="Opened").wait_for()
            assert bob.chosen() == ""  # the file names Ann's photo, and does not show it
            bob.bring(photograph())
        else:
            bob.page.get_by_label("Recipe code").fill(code)
            bob.page.keyboard.press("Enter")
            bob.page.locator(".drop.filled").wait_for()
        again = bob.finished(paint(bob))
        picture = bob.fetch(again.locator(".after").get_attribute("src"))
        assert pixels(picture) == pixels(ann.fetch(card.locator(".after").get_attribute("src")))
    assert not ann.stumbles


def test_five_strengths_at_once_from_the_photo_itself_and_two_side_by_side(play: Any, artefacts: Path) -> None:
    visit = play()
    visit.bring(photograph("chelsea.png"))
    strip = visit.page.locator(".strip")
    visit.choose("method", "palette")
    visit.page.get_by_role("button", name="Five strengths at once").click()
    visit.page.wait_for_function("document.querySelectorAll('.cell.ready').length === 5")
    labels = strip.locator(".cell-strength").all_inner_texts()
    assert labels == ["0", "25", "50", "75", "100"]
    first = visit.fetch(strip.locator("img").first.get_attribute("src"))
    photo = Image.open(io.BytesIO(photograph("chelsea.png"))).convert("RGB")
    change = ImageChops.difference(Image.open(io.BytesIO(first)).convert("RGB"), photo)
    assert max(ImageStat.Stat(change).mean) < 2  # what JPEG does to a photo, of 255
    for label in ("25", "75"):
        strip.get_by_role("button", name=f"Take strength {label}", exact=True).click()
        visit.page.locator(".caption", has_text=f"strength {label}").wait_for()
    for card in visit.page.locator(".card.finished:not(.strip)").all():
        card.get_by_role("button", name="Side by side").click()
    table = visit.page.locator(".duel table")
    table.wait_for()
    assert "strength" in table.inner_text()
    assert visit.page.locator(".duel img").count() == 2
    visit.page.screenshot(path=artefacts / "playground-duel.png")
    assert not visit.stumbles


def test_how_it_works_is_told_with_ones_own_pictures_and_found_again(come: Come, artefacts: Path) -> None:
    visit = come(path="/how")
    visit.page.locator("#how-features button").click()
    visit.page.locator(".problem", has_text="picture").wait_for()
    visit.page.get_by_role("button", name="Sample: a cat").click()
    visit.page.locator(".drop.filled").wait_for()
    for kind in ("features", "grams"):
        visit.page.locator(f"#how-{kind} button").click()
    sheets = visit.page.locator(".sheet img")
    visit.page.wait_for_function("document.querySelectorAll('.sheet img').length === 2")
    found = [visit.fetch(sheet.get_attribute("src")) for sheet in sheets.all()]
    assert [Image.open(io.BytesIO(sheet)).width > 600 for sheet in found] == [True, True]
    visit.open()
    visit.page.wait_for_function("document.querySelectorAll('.sheet img').length === 2")
    visit.page.screenshot(path=artefacts / "how.png", full_page=True)
    visit.page.goto(f"{visit.url}/playground")
    visit.page.wait_for_function("window.did_handshake === true")
    assert visit.page.locator(".card").count() == 0
    assert not visit.stumbles


def test_two_people_paint_while_a_worker_is_killed_and_both_get_their_own(
    play: Any, stack: Stack, until: Until
) -> None:
    """The last one that needs the module's own worker."""
    ann, bob = play(), play()
    for visit, name in ((ann, "coffee.png"), (bob, "chelsea.png")):
        visit.bring(photograph(name))
    ann.choose("method", "gatys")
    ann.page.locator("[name=time_lapse]").check()
    slow = paint(ann, size=96, steps=150)
    until(lambda: points(slow) > 2, "some steps")
    stack.worker.process.send_signal(signal.SIGKILL)
    stack.worker.process.wait()
    quick = paint(bob, method="palette", size=256)
    quick.locator(".status").wait_for()
    environment = {"REDIS_URL": stack.redis_url, "NST_FAST_MODEL": "bundled", "CUDA_VISIBLE_DEVICES": "-1"}
    second = Pastiche("worker", stack.folder / "second", environment)
    try:
        with connect(stack.redis_url) as connection:
            pid = str(second.process.pid)
            until(lambda: second.lives() and pid in {w.get("pid") for w in live_workers(connection)}, "a worker", 180)
        bob.finished(quick)
        ann.page.reload()
        ann.finished(slow)
    finally:
        second.stop()
    slow.locator(".lapse summary").click()
    film = Image.open(io.BytesIO(ann.fetch(slow.locator(".lapse img").get_attribute("src"))))
    assert sum(1 for _ in ImageSequence.Iterator(film)) > 10
    seen = [visit.page.locator(".card .after").get_attribute("src") for visit in (ann, bob)]
    assert seen[0] != seen[1]
    assert bob.page.request.get(f"{stack.url}{seen[0]}").status == 404
    assert httpx.get(f"{stack.url}/pastiches/{slow.get_attribute('data-job')}").status_code == 404
    assert not ann.stumbles
    assert not bob.stumbles


def test_one_session_sends_only_so_many_pictures(play: Any, stack: Stack) -> None:
    visit = play()
    session = {str(cookie["name"]): str(cookie["value"]) for cookie in visit.page.context.cookies()}
    with httpx.Client(base_url=stack.url, cookies=session, headers={"X-Pastiche": "1"}, timeout=60) as client:
        answers = [client.post("/pictures", content=photograph("coffee.png")).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]
    visit.hand_over(photograph())
    visit.page.locator(".problem", has_text="again in").wait_for()


@pytest.fixture(scope="module")
def challenges(stack: Stack) -> Iterator[list[str]]:
    """Addresses of challenges that take entries, are voted on, and are over."""
    with connect(stack.redis_url) as connection:
        world = World(connection)
        running = [world.opened(theme=theme) for theme in ("Lighthouses", "Rain", "Cats at night")]
        for seed, challenge in enumerate(running[1:]):
            for number, name in enumerate(("ann", "bob", "cem")):
                world.enter(challenge, f"discord:{name}", 10 * seed + number)
        for challenge in running[1:]:
            world.core.life.end_phase(challenge.challenge_id, world.maker)
        world.wait(0.01)
        world.core.life.end_phase(running[2].challenge_id, world.maker)
        world.wait(0.01)
        yield [f"/challenges/{challenge.challenge_id}" for challenge in running]


@pytest.mark.parametrize(
    "looks",
    [
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {"color_scheme": "dark", "viewport": {"width": 375, "height": 812}, "has_touch": True},
    ],
    ids=["light", "dark", "phone"],
)
def test_every_page_is_accessible_and_fits(
    come: Come, stack: Stack, challenges: list[str], artefacts: Path, looks: dict[str, Any], request: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    visit = come(path="/playground", **looks, reduced_motion="reduce")
    page, axe = visit.page, Axe()
    for path in ("/playground", "/", "/how", "/challenges", *challenges):
        page.goto(stack.url + path)
        if path in ("/playground", "/", "/how"):
            page.wait_for_function("window.did_handshake === true")
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        if path == "/playground":
            for name in ("mosaic", "peacock", "op-art"):
                page.locator(f"[data-style={name}]").click()
            page.locator(".mixer[data-styles='4']").wait_for()
        found = axe.run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")
        name = path.strip("/").split("/")[0] or "studio"
        page.screenshot(path=artefacts / f"{name}-{request.node.callspec.id}.png")
    assert page.get_by_text("The entries").count() == 1
    assert not visit.stumbles
