"""The playground, the gallery and the operator's page as people use them: a real Chromium, Redis and workers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import redis
from PIL import Image, ImageChops, ImageSequence, ImageStat

from bot.chat.recipe_files import recipe_in
from bot.presets.catalogue import load_presets
from bot.web.protection.throttle import JOBS, RECIPES, UPLOADS, address_key
from nst.errors import JobError
from nst.options import EXTRACTORS, StyleOptions
from tests.bot.challenges.conftest import World
from tests.e2e.conftest import OPERATORS_PASSWORD, Pastiche, Stack, Until
from tests.e2e.visiting import PATIENT_MS, Come, Visit, photograph
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.people import Person
from tests.peers.telegram.world import Json
from workers.client.estimates import live_workers
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.store.connection import connect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.tensorflow, pytest.mark.timeout(300)]
FAST_MODEL = "bundled"  # loads in a moment; what the module paints is not about the fast network's beauty
_BY_NOW = "(n) => document.querySelectorAll('.card').length > n"
_STEP = r"document.querySelector('.card .status')?.textContent.match(/step (\d+)/)?.[1]"


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


def encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def points(card: Locator) -> int:
    """How many points each of the four curves has."""
    curves = card.locator("path.curve").evaluate_all("(paths) => paths.map((path) => path.getAttribute('d') ?? '')")
    assert len(curves) in (0, 4)
    return min((curve.count("L") for curve in curves), default=0)


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody out."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found if v["impact"] in ("serious", "critical")]


def test_gatys_develops_with_its_curves_stops_and_goes_on(play: Any, until: Until, artefacts: Path) -> None:
    visit = play()
    visit.page.get_by_role("button", name="Sample: a cat").click()
    visit.page.locator(".drop.filled").wait_for()
    card = paint(visit, method="gatys", size=128, steps=3000, start="noise")
    until(lambda: points(card) > 3, "curves")
    card.locator(".preview.seen").wait_for()
    visit.page.screenshot(path=artefacts / "playground-running.png")
    assert serious(visit.page) == []
    visit.open()
    until(lambda: points(card) > 3, "the curves after a reload")
    visit.press(card.get_by_role("button", name="Stop here"))
    card.get_by_role("button", name="Go on").wait_for()
    stopped = visit.fetch(card.locator(".after").get_attribute("src"))
    assert Image.open(io.BytesIO(stopped)).width == 128
    visit.press(card.get_by_role("button", name="Go on"))
    assert int(visit.page.wait_for_function(_STEP).json_value()) > 4
    card = visit.card(visit.page.locator(".card").first.get_attribute("data-job") or "")
    card.get_by_role("button", name="Cancel").click()
    card.locator(".outcome", has_text="Cancelled.").wait_for()
    card.get_by_role("button", name="Delete").click()
    card.wait_for(state="detached")
    assert not visit.stumbles


@pytest.fixture
def telegram(stack: Stack, until: Until) -> Iterator[TelegramPeer]:
    """A Bot API with the bot behind it, at the same queue as the web."""
    with TelegramPeer(None) as peer:
        settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": peer.url, "TELEGRAM_WEBHOOK_URL": ""}
        bot = Pastiche("telegram", stack.folder / "telegram", {"REDIS_URL": stack.redis_url, **settings})
        try:
            until(lambda: bot.lives() and "Telegram: ready" in bot.log, "the bot")
            yield peer
            assert "Traceback" not in bot.log
        finally:
            bot.stop()


def chat_result(peer: TelegramPeer, person: Person, until: Until) -> tuple[Json, bytes]:
    """The message with a pastiche that a chat got, and the pastiche."""

    def found() -> list[Json]:
        return [m for m in person.bot_messages() if "photo" in m and "strength" in m.get("caption", "")]

    message = until(found, "a pastiche in the chat")[-1]
    return message, peer.world.files[message["photo"][-1]["file_id"]].data


def forget_what_was_made(stack: Stack) -> None:
    """What is asked for again is painted again, not recalled."""
    with connect(stack.redis_url) as connection:
        made = list(connection.scan_iter(keys.made("*")))
        assert made
        connection.delete(*made)


def test_a_mix_is_painted_and_its_recipe_gives_the_same_in_other_sessions_and_in_chats(
    play: Any, stack: Stack, telegram: TelegramPeer, until: Until, artefacts: Path
) -> None:
    ann = play()
    ann.bring(photograph())
    for name in ("mosaic", "peacock"):
        ann.page.locator(f"[data-style={name}]").click()
    pad = ann.page.locator(".mixer[data-styles='3'] .pad")
    pad.click(position={"x": 50, "y": 200})
    ann.page.locator(".at-2 output", has_text=re.compile(r"[6-9]\d %")).wait_for()
    ann.page.screenshot(path=artefacts / "playground-mixer.png")
    share = ann.page.locator(".at-2 output")
    before = int(share.inner_text().split()[0])
    ann.page.keyboard.press("ArrowUp")
    ann.page.keyboard.press("ArrowRight")
    ann.page.locator(".at-2 output", has_text=f"{before - 5} %").wait_for()
    card = ann.finished(paint(ann, method="fast", size=256, strength=73, scale=1.3))
    painted = pixels(ann.fetch(card.locator(".after").get_attribute("src")))
    with ann.page.expect_download() as downloaded:
        card.get_by_text("Download").click()
    file = downloaded.value.path().read_bytes()
    recipe = recipe_in(file)
    assert recipe.presets == ("woodblock-waves", "mosaic", "peacock")
    assert (recipe.options.strength, recipe.options.style_scale, recipe.options.max_side_px) == (0.73, 1.3, 256)
    assert recipe.options.style_weights[2] > 0.6
    card.get_by_role("button", name="Show its code").click()
    code = card.locator(".recipe span .recipe-words[data-copy]").inner_text()
    forget_what_was_made(stack)
    bob = play()
    bob.page.locator(".recipe-part summary").click()
    bob.hand_over(file, selector="[data-drop=recipe]")
    bob.page.locator(".recipe-part .notice", has_text="Opened").wait_for()
    assert bob.chosen() == ""  # the file names Ann's photo, and does not show it
    bob.bring(photograph())
    again = bob.finished(paint(bob))
    assert pixels(bob.fetch(again.locator(".after").get_attribute("src"))) == painted

    forget_what_was_made(stack)
    cem, dan = (telegram.person(number) for number in (7_200_001, 7_200_002))
    cem.photo(photograph(), caption=f"/recipe {code}")
    message, pastiche = chat_result(telegram, cem, until)
    assert pixels(pastiche) == painted
    dan.photo(photograph("chelsea.png"), caption="/style peacock 62 keep-colours 256px spoiler")
    message, pastiche = chat_result(telegram, dan, until)
    dan.press(message, "r.recipe")
    told = until(lambda: [m["text"] for m in dan.bot_messages() if m.get("text", "").startswith("Recipe ")], "a code")
    forget_what_was_made(stack)
    eve = play()
    eve.page.locator(".recipe-part summary").click()
    eve.page.get_by_label("Recipe code").fill(told[0].split()[1])
    eve.page.keyboard.press("Enter")
    eve.page.locator(".recipe-part .notice", has_text="Opened").wait_for()
    assert eve.chosen() == "", "a code shows nobody else's photograph"
    eve.bring(photograph("chelsea.png"))
    eve.page.wait_for_function("document.querySelector('[name=strength]').value === '62'")
    again = eve.finished(paint(eve))
    assert pixels(eve.fetch(again.locator(".after").get_attribute("src"))) == pixels(pastiche)
    again.get_by_role("button", name="− strength").click()
    eve.page.wait_for_function(_BY_NOW, arg=1)
    weaker = eve.card(eve.page.locator(".card").first.get_attribute("data-job") or "")
    for made in (again, eve.finished(weaker)):
        with eve.page.expect_download() as downloaded:
            made.get_by_text("Download").click()
        assert recipe_in(downloaded.value.path().read_bytes()).spoiler, "what was hidden in a chat is so again there"
    assert not ann.stumbles


# Names of the fields that no line explains, to the eye and to a screen reader.
_UNEXPLAINED = """() => [...document.querySelectorAll("form.bench [name]:not([type=hidden], [type=submit])")]
  .filter((field) => {
    const line = document.getElementById(field.getAttribute("aria-describedby"));
    const beside = field.closest("fieldset")?.querySelector(".faint, .method-words span");
    return !(line ?? beside ?? field.closest(".mask-part")?.querySelector(".faint"))?.textContent;
  })
  .map((field) => field.name)"""


def test_photos_and_styles_come_from_everywhere_and_every_option_has_its_line(play: Any) -> None:
    visit = play()
    page = visit.page

    def brought(selector: str, data: bytes) -> None:
        page.locator(f"{selector}[src$='{blob_hash(data)}']").wait_for()

    def chosen(selector: str, data: bytes) -> None:
        page.locator(selector).set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": data})

    snapshot = encoded(Image.new("RGB", (80, 60), "navy"))
    chosen(".camera input[data-role=content]", snapshot)
    brought(".chosen", snapshot)
    chosen("[data-drop=content] input", photograph())
    brought(".chosen", photograph())
    page.get_by_text("Or paint a style's own picture").click()
    visit.press(page.get_by_role("button", name="Paint the picture of Peacock"))
    brought(".chosen", load_presets()["peacock"].picture.read_bytes())
    visit.hand_over(photograph("chelsea.png"), kind="paste", selector="body")
    brought(".chosen", photograph("chelsea.png"))
    chosen(".camera input[data-role=style]", snapshot)
    brought(".own img", snapshot)
    visit.press(page.get_by_role("button", name="As the style: a cup of coffee"))
    brought(".own [aria-pressed=true] img", photograph())
    page.locator("[data-style=mosaic]").click()
    page.locator(".mixer[data-styles='4']").wait_for()
    page.locator("[data-style=peacock]").click()
    page.locator(".problem", has_text="Four styles are the most").wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert page.evaluate(_UNEXPLAINED) == []
    families = page.locator("[name=extractor] option").evaluate_all("(options) => options.map((o) => o.value)")
    assert families == ["", *EXTRACTORS]
    assert page.locator("[data-log-of=knob-steps]").evaluate("(s) => [s.dataset.low, s.dataset.high]") == ["1", "10000"]
    assert {url for url in visit.requested if not url.startswith((visit.url, "data:", "blob:"))} == set()
    assert not visit.stumbles


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
        visit.press(strip.get_by_role("button", name=f"Take strength {label}", exact=True))
        visit.page.locator(".caption", has_text=f"strength {label}").wait_for()
    for card in visit.page.locator(".card.finished:not(.strip)").all():
        visit.press(card.get_by_role("button", name="Side by side"))
    table = visit.page.locator(".duel table")
    table.wait_for()
    assert "Strength" in table.inner_text()
    visit.page.locator(".duel img").nth(1).wait_for()
    visit.page.screenshot(path=artefacts / "playground-duel.png")
    assert serious(visit.page) == []
    assert not visit.stumbles


def test_all_methods_at_once_with_their_figures_and_the_rest_called_off(
    play: Any, until: Until, artefacts: Path
) -> None:
    visit = play()
    visit.bring(photograph("chelsea.png"))
    visit.page.locator("[name=size]").fill("192")
    visit.page.get_by_role("button", name="All methods at once").click()
    contest = visit.page.locator(".contest")
    for name in ("As it is", "Palette", "Fast"):
        contest.locator(".cell.ready", has_text=name).wait_for()
    contest.get_by_role("button", name="Cancel").click()
    visit.page.wait_for_function(
        "[...document.querySelectorAll('.contest .cell')].every((cell) => !cell.querySelector('.waiting'))"
    )

    def figures() -> re.Match[str] | None:
        contest.get_by_role("button", name="Show the figures").click()
        return re.match(r"R (\S+) · LP (\S+) · SSIM (\S+)", contest.locator(".figures").first.inner_text())

    left, lost, likeness = map(float, until(figures, "the photo's own figures").groups())
    assert left > 0.8  # not 1: what JPEG does to a photo
    assert lost < 0.05
    assert likeness > 0.9
    visit.page.screenshot(path=artefacts / "playground-contest.png", full_page=True)
    assert not visit.stumbles


def test_how_it_works_is_told_with_ones_own_pictures_and_found_again(come: Come, artefacts: Path) -> None:
    visit = come(path="/how")
    visit.page.locator("#how-features button").click()
    visit.page.locator(".problem", has_text="picture").wait_for()
    visit.page.get_by_role("button", name="Sample: a cat").click()
    visit.page.locator(".drop.filled").wait_for()
    for kind in ("features", "grams"):
        visit.page.locator(f"#how-{kind} button").click()
    shown = "(n) => document.querySelectorAll('.sheet img').length === n"
    visit.page.wait_for_function(shown, arg=2)
    small = Image.open(io.BytesIO(photograph("chelsea.png"))).convert("RGB").resize((60, 40))
    visit.bring(encoded(small))
    for kind in ("layers", "reconstruction", "ratio", "histogram"):  # minutes with a photo of the usual size
        visit.page.locator(f"#how-{kind} button").click()
    visit.page.wait_for_function(shown, arg=6, timeout=4 * PATIENT_MS)
    sheets = visit.page.locator(".sheet img").all()
    found = [Image.open(io.BytesIO(visit.fetch(sheet.get_attribute("src")))) for sheet in sheets]
    assert [sheet.width > 600 for sheet in found] == [True, True, False, False, False, False]
    assert len({sheet.tobytes() for sheet in found}) == 6
    visit.open()
    visit.page.wait_for_function(shown, arg=6)
    visit.page.screenshot(path=artefacts / "how.png", full_page=True)
    visit.page.goto(f"{visit.url}/playground")
    visit.page.wait_for_function("window.did_handshake === true")
    assert visit.page.locator(".card").count() == 0
    assert not visit.stumbles


def test_two_people_paint_while_a_worker_is_killed_and_both_get_their_own(
    play: Any, stack: Stack, until: Until
) -> None:
    """The last one that needs the module's own worker."""
    environment = {"REDIS_URL": stack.redis_url, "NST_FAST_MODEL": "bundled", "CUDA_VISIBLE_DEVICES": "-1"}
    second = Pastiche("worker", stack.folder / "second", environment)
    try:
        ann, bob = play(), play()
        for visit, name in ((ann, "coffee.png"), (bob, "chelsea.png")):
            visit.bring(photograph(name))
        ann.choose("method", "gatys")
        ann.page.locator("[name=time_lapse]").check()
        slow = paint(ann, size=96, steps=150)
        job_id = slow.get_attribute("data-job") or ""
        with connect(stack.redis_url) as connection:
            painter = until(lambda: _painter_of(connection, job_id, (stack.worker, second)), "who paints it")
        until(lambda: points(slow) > 2, "some steps")
        assert job_id[:8] in httpx.get(f"{stack.url}/operator", auth=("operator", OPERATORS_PASSWORD)).text
        painter.process.kill()
        painter.process.wait()
        bob.finished(paint(bob, method="palette", size=256))
        ann.open()
        ann.finished(slow)
    finally:
        second.stop()
    slow.locator(".lapse summary").click()
    slow.locator(".lapse img.moves").wait_for()
    ann.press(ann.page.get_by_role("button", name="Pause what moves"))
    slow.locator(".lapse canvas").wait_for()
    film = Image.open(io.BytesIO(ann.fetch(slow.locator(".lapse img").get_attribute("src"))))
    assert sum(1 for _ in ImageSequence.Iterator(film)) > 10
    seen = [visit.page.locator(".card .after").get_attribute("src") for visit in (ann, bob)]
    assert seen[0] != seen[1]
    assert bob.page.request.get(f"{stack.url}{seen[0]}").status == 404
    assert httpx.get(f"{stack.url}/pastiches/{job_id}").status_code == 404
    assert not ann.stumbles
    assert not bob.stumbles


def _painter_of(connection: redis.Redis, job_id: str, workers: Sequence[Pastiche]) -> Pastiche | None:
    """Whose lease names a job."""
    pids = {worker["name"]: worker.get("pid") for worker in live_workers(connection)}
    leases = {name: cast("bytes | None", connection.get(keys.lease(name))) or b"-" for name in pids}
    running = {pids[name] for name, lease in leases.items() if lease.decode().split(":")[0] == job_id}
    return next((worker for worker in workers if str(worker.process.pid) in running), None)


def test_a_session_and_an_address_ask_for_only_so_much(play: Any, stack: Stack) -> None:
    small = encoded(Image.new("RGB", (64, 48), "teal"))
    visit = play()
    visit.bring(small)
    session = {str(cookie["name"]): str(cookie["value"]) for cookie in visit.page.context.cookies()}
    with httpx.Client(base_url=stack.url, cookies=session, headers={"X-Pastiche": "1"}, timeout=60) as client:
        answers = [client.post("/pictures", content=small).status_code for _ in range(UPLOADS.per_session)]
    assert answers == [200] * (UPLOADS.per_session - 1) + [429]
    visit.hand_over(photograph())
    visit.page.locator(".problem", has_text="again in").wait_for()

    def open_code() -> None:
        visit.page.get_by_label("Recipe code").fill("nosuchcode")
        visit.page.keyboard.press("Enter")

    here = address_key("127.0.0.1")
    with connect(stack.redis_url) as connection:
        known = set(connection.scan_iter("pastiche:web:rate:*"))
        first = paint(visit, method="palette", size=64)
        visit.page.locator(".recipe-part summary").click()
        open_code()
        visit.page.locator(".recipe-part .problem", has_text="nosuchcode").wait_for()
        fresh = set(connection.scan_iter("pastiche:web:rate:*")) - known
        fresh = {key for key in fresh if not key.endswith(here.encode())}
        assert len(fresh) == 2
        for key in fresh:  # as if the session had asked for all but one of what it may
            connection.set(key, (JOBS if b":jobs:" in key else RECIPES).per_session - 1, keepttl=True)
        second = paint(visit, method="palette", size=65)
        assert second.get_attribute("data-job") != first.get_attribute("data-job")
        visit.page.locator("button.paint").click()
        visit.page.locator(".paint-bar .problem", has_text="again in").wait_for()
        for _ in range(2):
            open_code()
        visit.page.locator(".recipe-part .problem", has_text="again in").wait_for()
        assert visit.page.locator(".card").count() == 2
        count = f"pastiche:web:rate:jobs:{here}"
        connection.set(count, JOBS.per_address, keepttl=True)
        other = play()
        other.bring(photograph())
        other.page.locator("button.paint").click()
        other.page.locator(".paint-bar .problem", has_text="again in").wait_for()
        connection.delete(count)


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
        failed = Job(job_id="troubled", frontend="web", content="c", styles=("s",), options=StyleOptions())
        post_terminal(connection, Result.failure(failed, JobError("job_timed_out", {"timeout_s": 180})))
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
    keys_to_it = {"username": "operator", "password": OPERATORS_PASSWORD}
    visit = come(path="/playground", **looks, reduced_motion="reduce", http_credentials=keys_to_it)
    page = visit.page
    for path in ("/playground", "/", "/how", "/operator", "/challenges", *challenges):
        page.goto(stack.url + path)
        if path in ("/playground", "/", "/how"):
            page.wait_for_function("window.did_handshake === true")
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        if path == "/playground":
            for name in ("mosaic", "peacock", "op-art"):
                page.locator(f"[data-style={name}]").click()
            page.locator(".mixer[data-styles='4']").wait_for()
        assert serious(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("[...document.images].every((image) => image.hasAttribute('alt'))")
        name = path.strip("/").split("/")[0] or "studio"
        page.screenshot(path=artefacts / f"{name}-{request.node.callspec.id}.png")
        assert path != "/operator" or page.locator("td", has_text="job_timed_out").count() == 1
    assert page.get_by_text("The entries").count() == 1
    assert not visit.stumbles
