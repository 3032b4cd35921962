"""Whether a plan can be a challenge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.challenges.model import DAY_S, THEME_LENGTH, Plan
from bot.presets.catalogue import Preset
from nst.errors import UserError
from nst.image_header import inspect

SOONEST_S, LATEST_S = 600, 60 * DAY_S
MOST_DRAFTS = 10  # of one person
RANGES = {"voting_hours": (1, 336), "entries_per_person": (1, 10), "votes_per_person": (1, 10)}  # as ``Challenge`` has


def checked(plan: Plan, presets: Mapping[str, Preset], now_s: float) -> dict[str, Any]:
    """A plan's values, but for its style, as a challenge has them.

    Raises:
        UserError: ``option_out_of_range``, ``style_unknown`` or ``image_*``.
    """
    # Half a surrogate pair, as some clients send it, could be written nowhere.
    theme = " ".join(plan.theme.encode("utf-8", "ignore").decode().split())
    if not 1 <= len(theme) <= THEME_LENGTH:
        _refuse("theme", str(len(theme)), f"1–{THEME_LENGTH}")
    ahead_s = plan.closes_at_s - now_s
    if not SOONEST_S <= ahead_s <= LATEST_S:
        _refuse("closing", f"{ahead_s / 3600:.1f} h", f"{SOONEST_S // 60} min – {LATEST_S // DAY_S} d")
    for name, (least, most) in RANGES.items():
        if not least <= getattr(plan, name) <= most:
            _refuse(name, str(getattr(plan, name)), f"{least}–{most}")
    if plan.style_preset and plan.style_preset not in presets:
        raise UserError("style_unknown", {"received": plan.style_preset[:40], "allowed": ", ".join(presets)})
    if plan.style_picture:
        inspect(plan.style_picture)
    given = {
        "style": "",
        "style_label": "",
        "style_shown": "",
        "style_kept": "",
        "style_by": "",
        "style_spoiler": False,
    }
    names = (*RANGES, "closes_at_s", "review", "scoring", "rules")
    return {"theme": theme} | ({} if plan.same_picture else given) | {name: getattr(plan, name) for name in names}


def _refuse(option: str, received: str, allowed: str) -> None:
    raise UserError("option_out_of_range", {"option": option, "received": received[:40], "allowed": allowed})
