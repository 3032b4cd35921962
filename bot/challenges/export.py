"""A challenge as a ZIP: its pictures, and a manifest that says what they are."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from bot.challenges.entry import Placed, Results, Status
from bot.challenges.model import Challenge
from bot.challenges.pictures import Pictures
from bot.fitting import suffix
from bot.recipes import format_style_command
from nst.errors import JobError

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
