"""Who visits, and what language they read."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.texts import languages

log = logging.getLogger(__name__)

SESSION_S = 30 * 86_400
_SECRET_FILE = "web-secret"  # noqa: S105 - the file's name, not the secret


def user_of(session: Mapping[str, Any]) -> str | None:
    """The queue's key for a browser session, or None before its first page.

    The session's id stays in the signed cookie: only a hash of it goes into Redis.

    Args:
        session: What the cookie holds.
    """
    session_id = session.get("id")
    if not isinstance(session_id, str) or not session_id:
        return None
    return "web-" + hashlib.sha256(session_id.encode()).hexdigest()[:32]


def language_of(accept_language: str | None, default: str) -> str:
    """The language that a browser likes best of those that there are (RFC 9110, section 12.5.4).

    Args:
        accept_language: The header, such as ``fr-CA,fr;q=0.9,en;q=0.8``.
        default: Where it names none of them.
    """
    liked = []
    for place, part in enumerate((accept_language or "")[:200].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        code = tag.split("-")[0].strip().lower()
        if code in languages() and _quality(weight) > 0:
            liked.append((-_quality(weight), place, code))
    return min(liked)[2] if liked else default


def _quality(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0


def cookie_secret(data_dir: Path) -> str:
    """The key that signs session cookies: one per data folder, so that a restart ends no session.

    Args:
        data_dir: Where it is kept, readable by its owner alone. If nothing can be written there, the key lives as
            long as the process.
    """
    path = data_dir / _SECRET_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        kept = path.read_text(encoding="ascii").strip()
    except OSError as error:
        log.warning("The cookies' key cannot be kept (%s): sessions end with this process", type(error).__name__)
        kept = ""
    return kept if len(kept) >= 32 else secrets.token_hex(32)
