"""A person in front of the web side: what the end-to-end tests do with a real Chromium."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

PATIENT_MS = 60_000

# Keeps what cards say while they wait: a job may have ended before anybody looks.
_WATCH = """() => {
  window.said = [];
  new MutationObserver(() => {
    for (const part of document.querySelectorAll(".card .status, .card [role=progressbar]"))
      window.said.push(part.role ?? part.textContent);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""

# What a browser makes of a file that is dropped on, or pasted into, a page.
_HAND_OVER = """([selector, kind, type, text, padding]) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes, new Uint8Array(padding)], "picture", { type }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(event);
}"""


def photograph(name: str = "coffee.png") -> bytes:
    """One of scikit-image's photographs."""
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "data" / name).read_bytes()


class Visit:
    """A person in front of the page."""

    def __init__(self, context: BrowserContext, url: str, path: str = "/") -> None:
        self.url, self.path = url, path
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENT_MS)
        self.requested: list[str] = []
        self.stumbles: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("pageerror", lambda error: self.stumbles.append(str(error)))
        self.open()

    def open(self) -> None:
        self.page.goto(self.url.rstrip("/") + self.path)
        self.page.wait_for_function("window.did_handshake === true")
        self.page.wait_for_selector(".desk", state="attached")  # a page gets its content when its socket is there

    def hand_over(
        self, data: bytes, kind: str = "drop", selector: str = "[data-drop=content]", padding: int = 0
    ) -> None:
        """Drop or paste a file, with so many zeros behind it."""
        text = base64.b64encode(data).decode()
        self.page.evaluate(_HAND_OVER, [selector, kind, "image/png", text, padding])

    def bring(self, data: bytes, **how: Any) -> None:
        """Hand a good picture over and wait until it is shown."""
        before = self.chosen()
        self.hand_over(data, **how)
        self.page.wait_for_function(
            "(before) => (document.querySelector('.chosen').getAttribute('src') ?? '') !== before", arg=before
        )

    def chosen(self) -> str:
        return self.page.locator(".chosen").get_attribute("src") or ""

    def paint(self, method: str = "palette", preset: str = "stained-glass", size: str = "512") -> Locator:
        """Choose, press the button, and return the new card."""
        self.choose("preset", preset)
        self.choose("method", method)
        self.page.locator("select[name=size]").evaluate("(s, v) => (s.value = v)", size)
        before = self.page.locator(".card").count()
        self.page.locator("button.paint").click()
        self.page.wait_for_function("(n) => document.querySelectorAll('.card').length > n", arg=before)
        return self.card(self.page.locator(".card").first.get_attribute("data-job") or "")

    def watch(self) -> None:
        """From now on, keep what cards say while they wait."""
        self.page.evaluate(_WATCH)

    def said(self) -> set[str]:
        """What they said; "progressbar" where there was one."""
        return set(self.page.evaluate("window.said"))

    def choose(self, name: str, value: str) -> None:
        """Click a choice where people do, on its label; its input is for screen readers and keys."""
        label = self.page.locator(f"label:has(input[name={name}][value={value}])")
        label.click()
        label.locator("input:checked").wait_for(state="attached")

    def press(self, button: Locator) -> None:
        """Press a button without a mouse: it is reached with the tabulator, shows that it is, and takes Enter."""
        button.focus()
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("Shift+Tab")
        assert button.evaluate("(b) => b === document.activeElement && b.matches(':focus-visible')")
        assert button.evaluate("(b) => getComputedStyle(b).outlineStyle") != "none"
        self.page.keyboard.press("Enter")

    def card(self, job_id: str) -> Locator:
        return self.page.locator(f".card[data-job='{job_id}']")

    def finished(self, card: Locator) -> Locator:
        card.locator(".after").wait_for(timeout=PATIENT_MS * 2)
        return card

    def fetch(self, source: str | None) -> bytes:
        answer = self.page.request.get(self.url + (source or ""))
        assert answer.status == 200
        return answer.body()

    def problem(self) -> str:
        found = self.page.locator(".problem:not(:empty), .banner:not(:empty)").first
        found.wait_for()
        return found.inner_text()


Come = Callable[..., Visit]
