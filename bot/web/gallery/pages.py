"""The gallery's pages: the list of challenges, and one challenge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.challenges.entry import Entry, Placed
from bot.challenges.model import FINISHED, VOTABLE, Challenge
from bot.challenges.results import GalleryPage, Ranked
from bot.challenges.wording import clock_time, entry_line, rules_text, state_text, votes
from bot.chat.captions import style_name
from bot.chat.variations import CLIPS
from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.gallery.shown import slug_of
from bot.web.plain_page import Html, el
from bot.web.result_card import recipe_words


class Pages:
    """The pages' content in one language.

    Args:
        presets: All presets by name, for titles.
        language: The visitor's.
    """

    def __init__(self, presets: Mapping[str, Preset], language: str) -> None:
        self._presets = presets
        self._language = language

    def say(self, key: str, **values: object) -> str:
        """A sentence of the ``gallery`` table."""
        return say(f"gallery.{key}", self._language, **values)

    def state(self, challenge: Challenge) -> str:
        """How a challenge stands, in a line without its theme: that is a heading nearby."""
        zone = challenge.chats[0].time_zone if challenge.chats else "UTC"
        line = state_text(challenge, lambda at_s: clock_time(at_s, zone, self._language), self._language, lambda _: "")
        line = line.lstrip(" :\u00a0\u202f")
        return line[:1].upper() + line[1:]

    def rules(self, challenge: Challenge) -> str:
        """What it asks for, in a line."""
        return rules_text(challenge, self._presets, self._language)

    def index(self, challenges: Sequence[Challenge], otherwise: str) -> list[Html]:
        """All challenges, by what can be done with them now; ``otherwise`` is said where there are none to show."""
        groups = {
            "open": [one for one in challenges if one.state not in FINISHED | VOTABLE],
            "voting": [one for one in challenges if one.state in VOTABLE],
            "finished": [one for one in challenges if one.state in FINISHED],
        }
        if not challenges:
            return [el("p", self.say(otherwise), class_="lonely")]
        return [
            el("section", el("h2", self.say(name)), el("ul", map(self._tile, group), class_="posters"))
            for name, group in groups.items()
            if group
        ]

    def challenge(self, challenge: Challenge) -> list[Html]:
        """A challenge that takes entries: what it asks for."""
        style = []
        if challenge.style:
            picture = el(
                "img", src=f"/challenges/{challenge.challenge_id}/style", alt=self.say("style_alt"), loading="lazy"
            )
            style = [self._covered(challenge.style_spoiler, picture)]
        return [
            el("p", self.state(challenge), class_="state"),
            el("p", self.rules(challenge), class_="faint"),
            *style,
            el("p", self.say("how_to_enter")),
        ]

    def ballot(self, challenge: Challenge, entries: Sequence[Entry]) -> list[Html]:
        """A challenge that is voted on: numbers and pictures, nothing else."""
        cells = [
            el(
                "li",
                el(
                    "figure",
                    self._covered(
                        entry.spoiler, self._img(challenge, entry, self.say("entry_alt", number=entry.number))
                    ),
                    el("figcaption", f"#{entry.number}"),
                ),
            )
            for entry in entries
        ]
        return [
            el("p", self.state(challenge), class_="state"),
            el("p", self.rules(challenge), class_="faint"),
            el("p", self.say("how_to_vote")),
            el("ul", cells, class_="ballot"),
        ]

    def results(self, page: GalleryPage, leaderboard: Sequence[Ranked]) -> list[Html]:
        """A challenge that is over."""
        challenge = page.challenge
        alt = self.say("poster_alt", theme=challenge.theme)
        spoiler = any(one.entry.spoiler for one in page.placed)  # the first page has all that is on the poster
        source = f"/challenges/{challenge.challenge_id}/poster"
        poster = self._covered(spoiler, el("img", class_="poster", src=source, alt=alt, loading="lazy"))
        first = [el("p", self.state(challenge), class_="state"), poster] if page.page == 1 else []
        entries = [self._placed(challenge, one) for one in page.placed]
        board = self._board(leaderboard) if page.page == 1 else []
        return [
            *first,
            el("section", el("h2", self.say("entries")), el("ol", entries, class_="entries")),
            *self._turning(page),
            *board,
        ]

    def _tile(self, challenge: Challenge) -> Html:
        address = f"/challenges/{slug_of(challenge)}"
        picture = el("img", src=f"/challenges/{challenge.challenge_id}/card", alt="", loading="lazy")
        words = el("span", el("strong", challenge.theme), el("span", self.state(challenge)), class_="poster-words")
        return el("li", el("a", picture, words, href=address))

    def _covered(self, spoiler: bool, picture: Html) -> Html:
        """A picture, behind a word to open where it is hidden: browsers do not even fetch it before."""
        return el("details", el("summary", self.say("spoiler")), picture, class_="spoiler") if spoiler else picture

    def _img(self, challenge: Challenge, entry: Entry, alt: str, kind: str = "after", looks: str = "") -> Html:
        source = f"/challenges/{challenge.challenge_id}/entries/{entry.entry_id}/{kind}"
        size = {"width": entry.width_px, "height": entry.height_px} if kind == "after" else {}
        moves = "maybe" if entry.media_type in CLIPS else None
        return el("img", src=source, alt=alt, class_=looks or None, loading="lazy", data_moves=moves, **size)

    def _placed(self, challenge: Challenge, placed: Placed) -> Html:
        entry = placed.entry
        line = entry_line(placed, self._presets, self._language)
        alt = self.say("placed_alt", line=line)
        pictures = [self._img(challenge, entry, alt, looks="after")]
        if entry.before:
            name = say("web.compare", self._language)
            pictures += [
                self._img(challenge, entry, say("web.content_alt", self._language), "before", "before"),
                el("span", class_="handle", aria_hidden="true"),
                el("input", class_="cut", type="range", min=0, max=100, value=0, aria_label=name),
            ]
        ratio = max(1, entry.width_px) / max(1, entry.height_px)
        frame = el("div", pictures, class_="frame compare", style=f"--ratio: {ratio:.5f}")
        frame = self._covered(entry.spoiler, frame)
        words = recipe_words(entry.style_label.split(), entry.style_options, self._presets)
        recipe = [el("code", words)] if words else []
        return el("li", el("article", frame, el("h3", line), *recipe))

    def _board(self, ranked: Sequence[Ranked]) -> list[Html]:
        if not ranked:
            return []
        heads = [el("th", self.say(f"board_{name}"), scope="col") for name in ("name", "wins", "podiums", "entries")]
        nobody = say("challenge.nobody", self._language)
        rows = [
            el(
                "tr",
                el("th", one.name or nobody, scope="row"),
                *(el("td", str(number)) for number in (one.wins, one.podiums, one.entries)),
                el("td", votes(one.votes, self._language)),
            )
            for one in ranked[:20]
        ]
        last = el("th", self.say("board_votes"), scope="col")
        table = el("table", el("thead", el("tr", *heads, last)), el("tbody", rows), class_="settings")
        return [el("section", el("h2", self.say("board")), table)]

    def _turning(self, page: GalleryPage) -> list[Html]:
        if page.pages < 2:
            return []
        address = f"/challenges/{slug_of(page.challenge)}"
        links = [
            el(
                "a",
                str(number),
                class_="page-link",
                href=address if number == 1 else f"{address}?page={number}",
                aria_current="page" if number == page.page else None,
                aria_label=self.say("page", page=number, pages=page.pages),
            )
            for number in range(1, page.pages + 1)
        ]
        return [el("nav", links, class_="pages turning", aria_label=self.say("turning"))]


def description(challenge: Challenge, presets: Mapping[str, Preset], language: str) -> str:
    """What chats show under a link: the rules, or the style of a challenge that is over."""
    if challenge.state in FINISHED:
        given = style_name(challenge.style_label, presets, language) if challenge.style_label else ""
        return say("gallery.over", language, style=given) if given else say("gallery.over_free", language)
    return rules_text(challenge, presets, language)
