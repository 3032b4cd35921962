"""What is left to look at: results, pages, poster, the leaderboard of a chat, an export."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from bot.challenges import keys
from bot.challenges.entry import Entry, Placed, Results, Status
from bot.challenges.model import FINISHED, Challenge, Person
from bot.challenges.pictures import Pictures
from bot.challenges.poster import Poster, draw_poster
from bot.challenges.rules import check_manager
from bot.challenges.scoring import Outcome
from bot.challenges.store import Store
from bot.chat.fitting import suffix
from bot.chat.recipe_words import format_style_command
from bot.presets.catalogue import Preset
from nst.errors import JobError, UserError
from workers.contract import ContractError

# A challenge as a ZIP: its pictures, and a manifest that says what they are.
VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same challenge gives the same bytes


def archive(challenge: Challenge, results: Results, pictures: Pictures) -> bytes:
    """The ZIP.

    Args:
        challenge: Which.
        results: How it ended.
        pictures: Where its pictures are; those no longer kept are left out, the manifest says so.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        entries = [_entry(packed, one, results, pictures) for one in results.placed]
        manifest = {
            "version": VERSION,
            "challenge": challenge.challenge_id,
            "theme": challenge.theme,
            "opened": _utc(challenge.opened_at_s),
            "closed": _utc(challenge.closes_at_s),
            "chats": [chat.platform for chat in challenge.chats],
            "style": challenge.style_label or ("a given picture" if challenge.style else "free"),
            "scoring": challenge.scoring,
            "voters": results.voters,
            "votes": results.votes,
            "run_off": results.run_off,
            "entries": entries,
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2)
        packed.writestr(_file("manifest.json"), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _entry(packed: zipfile.ZipFile, one: Placed, results: Results, pictures: Pictures) -> dict[str, Any]:
    entry = one.entry
    there = entry.status is Status.ENTERED
    name = _add(packed, f"entry-{one.entry.number or entry.entry_id}", entry.picture, entry.media_type, pictures)
    facts = {
        "entry": entry.entry_id,
        "number": entry.number,
        "status": entry.status,
        "place": one.place or None,
        "winner": entry.entry_id in results.winners,
        "votes": one.votes,
        "run_off_votes": one.run_off_votes,
        "mean_rank": one.mean_rank or None,
        "picture": name,
    }
    if entry.status is Status.DISQUALIFIED:
        facts["reason"] = entry.reason
    if there:
        presets = entry.style_label.split()
        facts |= {
            "maker": entry.name,
            "platform": entry.user.partition(":")[0],
            "recipe": format_style_command(presets, entry.style_options),
            "styles": list(entry.styles),
            "options": dict(entry.options),
            "method": entry.method,
            "model": entry.model,
        }
    return facts


def _add(packed: zipfile.ZipFile, stem: str, digest: str, media_type: str, pictures: Pictures) -> str | None:
    if not digest:
        return None
    try:
        data = pictures.get(digest)
    except JobError:
        return None
    name = f"{stem}{suffix(media_type)}"
    packed.writestr(_file(name), data)
    return name


def _file(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr = 0o644 << 16
    return info


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


log = logging.getLogger(__name__)

_SHOWN = frozenset({Status.ENTERED, Status.DISQUALIFIED, Status.WITHDRAWN})
_PODIUM = 3
_LEADERBOARD_CHALLENGES = 200


@dataclass(frozen=True)
class GalleryPage:
    """Some of a challenge's entries.

    Attributes:
        challenge: Which.
        placed: Those of this page, best first.
        page: From 1.
        pages: How many there are, at least 1.
    """

    challenge: Challenge
    placed: tuple[Placed, ...]
    page: int
    pages: int


@dataclass(frozen=True)
class Ranked:
    """Somebody in a chat's leaderboard.

    Attributes:
        user: Their key.
        name: What they were called last.
        wins: Challenges won, alone or shared.
        podiums: Entries among the first three, with votes.
        entries: Entries that counted.
        votes: Valid votes for them.
    """

    user: str
    name: str
    wins: int
    podiums: int
    entries: int
    votes: int


class Gallery:
    """What everybody may see after the results.

    Args:
        store: Where challenges are.
        pictures: Theirs.
        presets: All presets by name, for credits.
    """

    def __init__(self, store: Store, pictures: Pictures, presets: Mapping[str, Preset]) -> None:
        self._store, self._pictures, self._presets = store, pictures, presets

    def results(self, challenge_id: str) -> Results:
        """How a challenge ended.

        Raises:
            UserError: ``challenge_unknown`` (or what it came to cannot be read) or ``challenge_not_over``.
        """
        challenge = self._store.challenge(challenge_id)
        outcome = self._outcome(challenge_id) if challenge.state in FINISHED else None
        if outcome is None:
            raise UserError("challenge_not_over", {"theme": challenge.theme})
        entries = [entry for entry in self._store.entries(challenge_id) if _took_part(entry)]
        places = _places(outcome)
        placed = [_placed(entry, outcome, places) for entry in entries]
        placed.sort(
            key=lambda one: (one.place == 0, one.entry.status is not Status.ENTERED, one.place, one.entry.number)
        )
        return Results(
            challenge_id=challenge_id,
            placed=tuple(placed),
            winners=outcome.winners,
            voters=outcome.voters,
            votes=sum(outcome.votes.values()),
            run_off=outcome.run_off,
        )

    def page(self, challenge_id: str, page: int = 1, per_page: int = 6) -> GalleryPage:
        """A page of the gallery: entries with a picture; a number beyond the last page gives the last.

        Raises:
            UserError: As ``results``.
        """
        challenge = self._store.challenge(challenge_id)
        shown = [one for one in self.results(challenge_id).placed if one.entry.status is Status.ENTERED]
        pages = max(1, -(-len(shown) // per_page))
        page = min(max(1, page), pages)
        return GalleryPage(challenge, tuple(shown[(page - 1) * per_page : page * per_page]), page, pages)

    def leaderboard(self, chat: str) -> list[Ranked]:
        """Who did best in all challenges of a chat, the first one first; of the last 200 challenges.

        Args:
            chat: The chat's key.
        """
        found: dict[str, Ranked] = {}
        for challenge_id in self._finished(chat):
            with contextlib.suppress(UserError):  # nobody can read how it ended
                self._add(found, self.results(challenge_id))
        return sorted(found.values(), key=lambda one: (-one.wins, -one.podiums, -one.votes, one.name, one.user))

    @staticmethod
    def _add(found: dict[str, Ranked], results: Results) -> None:
        for one in results.placed:
            if one.entry.user and one.entry.status is Status.ENTERED:
                found[one.entry.user] = _added(found.get(one.entry.user), one, results)

    def poster(self, challenge_id: str, language: str = "en") -> Poster:
        """The poster of the results; takes about a second.

        Raises:
            UserError: As ``results``.
        """
        challenge, results = self._store.challenge(challenge_id), self.results(challenge_id)
        return draw_poster(challenge, results, self._pictures, self._presets, language)

    def export(self, challenge_id: str, manager: Person) -> bytes:
        """Everything as a ZIP, for moderators of any chat that took part.

        Raises:
            UserError: ``not_a_manager``; as ``results``.
        """
        challenge = self._store.challenge(challenge_id)
        check_manager(manager, challenge, home_only=False)
        return archive(challenge, self.results(challenge_id), self._pictures)

    def _finished(self, chat: str) -> list[str]:
        last = reversed(self._store.in_chat(chat)[:_LEADERBOARD_CHALLENGES])
        return [one.challenge_id for one in last if one.state in FINISHED]

    def _outcome(self, challenge_id: str) -> Outcome | None:
        text = cast("bytes | None", self._store.redis.get(keys.results(challenge_id)))
        try:
            return Outcome.from_json(text) if text else None
        except ContractError as error:
            log.error("A challenge's results cannot be read: %s", error)
            raise UserError("challenge_unknown", {"received": challenge_id}) from None


def _took_part(entry: Entry) -> bool:
    """Withdrawn before there was a ballot is withdrawn altogether."""
    return entry.status in _SHOWN and (entry.number > 0 or entry.status is Status.ENTERED)


def _places(outcome: Outcome) -> dict[str, int]:
    places: dict[str, int] = {}
    for group in outcome.groups:
        places |= dict.fromkeys(group, len(places) + 1)
    return places


def _placed(entry: Entry, outcome: Outcome, places: Mapping[str, int]) -> Placed:
    name = entry.entry_id
    return Placed(
        entry=entry,
        place=places.get(name, 0) if entry.status is Status.ENTERED else 0,
        votes=outcome.votes.get(name, 0),
        run_off_votes=outcome.run_off_votes.get(name, 0),
        mean_rank=outcome.mean_ranks.get(name, 0.0),
    )


def _added(before: Ranked | None, one: Placed, results: Results) -> Ranked:
    known = before or Ranked(one.entry.user, one.entry.name, 0, 0, 0, 0)
    return Ranked(
        user=known.user,
        name=one.entry.name or known.name,
        wins=known.wins + (one.entry.entry_id in results.winners),
        podiums=known.podiums + (1 <= one.place <= _PODIUM and one.votes > 0),
        entries=known.entries + 1,
        votes=known.votes + one.votes,
    )
