"""Whose a picture is: asked here, and nowhere else, before a picture, a recipe or a job leaves the bot.

A result is its asker's. In the place where it was shown others may use its buttons, if that place's settings say
"buttons for everybody"; elsewhere nobody else gets anything of it, whatever its number says. The photograph behind it
is another matter: it goes to whoever gave it and to places where it was shown itself. Others get only what shows no
more of it than the result did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast

import redis

from bot.chat.recipe_codes import Kept, Recipe
from bot.chat.shown import Shown
from bot.chat.variations import Button, offered, vary
from nst.errors import JobError, UserError
from nst.options import StyleOptions
from workers.contract import ContractError, Job, Result
from workers.store import keys

# Measured over ten pairs (docs/security.md): below it a repainted photograph comes through, faces first.
FAINTEST = 0.8
REPAINTING = frozenset({"fast", "gatys"})  # others leave every form of the photograph in place, at any strength
PHOTOGRAPH = "photograph"  # the name in ``Job.reply_to``


class Photograph(StrEnum):
    """What the one who asks for a job has of its photograph."""

    OWN = "own"  # they gave it
    SHOWN = "shown"  # it was shown where they ask
    HIDDEN = "hidden"  # they never saw it


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Somebody in a place.

    Attributes:
        user: Their key.
        place: The place's key: a chat, a channel, a browser session.
        others_may: Whether buttons there are for everybody.
    """

    user: str
    place: str
    others_may: bool = True


@dataclass(frozen=True)
class Grant:
    """What a viewer may do with a result.

    Attributes:
        result: The result.
        job: What made it.
        photograph: What they have of its photograph.
    """

    result: Result
    job: Job
    photograph: Photograph

    def vary(self, button: Button) -> tuple[StyleOptions, ...]:
        """The options of the jobs that a button starts.

        Raises:
            UserError: ``photograph_hidden``.
        """
        return tuple(self.options(wanted) for wanted in vary(self.job.options, button))

    def options(self, wanted: StyleOptions, restyled: bool = False) -> StyleOptions:
        """Options for another pastiche of the same photograph.

        Args:
            wanted: What they want.
            restyled: Whether the style or the mask is another one.

        Raises:
            UserError: ``photograph_hidden``.
        """
        if self.photograph is not Photograph.HIDDEN:
            return wanted
        return within(self.job.options, wanted, restyled)

    def recipe(self) -> Recipe:
        """The result's recipe, to be kept for whose result it is; without a photograph that is not theirs."""
        recipe = Recipe.of(self.job)
        if photograph_of(self.job.reply_to) is Photograph.OWN:
            return recipe
        return replace(recipe.elsewhere(), content="")


def offered_under(result: Result) -> tuple[Button, ...]:
    """The buttons that make sense under a result, without those that would be refused to everybody there."""
    job = Job.from_json(result.job)
    grant = Grant(result, job, photograph_of(result.reply_to))
    return tuple(button for button in offered(job.options, result.media_type) if _allows(grant, button))


def _allows(grant: Grant, button: Button) -> bool:
    try:
        grant.vary(button)
    except UserError:
        return False
    return True


def within(shown: StyleOptions, wanted: StyleOptions, restyled: bool = False) -> StyleOptions:
    """Options that show no more of the photograph than a result did that was shown.

    Args:
        shown: The options of that result.
        wanted: What somebody wants who never saw the photograph.
        restyled: Whether the style or the mask is another one.

    Returns:
        ``wanted`` without what could bring the photograph out: a time-lapse begins with it, a larger size has more of
        it, a few steps or a large content weight leave it as it was, another region leaves other parts unpainted.

    Raises:
        UserError: ``photograph_hidden``.
    """
    plain = {"seed": wanted.seed, "strength": wanted.strength, "time_lapse": shown.time_lapse}
    if not restyled and wanted == shown.replace(**plain) and wanted.strength >= shown.strength:
        return wanted.replace(time_lapse=False)
    repainted = wanted.method in REPAINTING and wanted.strength >= FAINTEST
    if not repainted or wanted.region != shown.region or (wanted.time_lapse and not shown.time_lapse):
        raise hidden()
    return StyleOptions(
        method=wanted.method,
        strength=wanted.strength,
        style_weights=wanted.style_weights,
        max_side_px=min(wanted.max_side_px, shown.max_side_px),
        colours=wanted.colours,
        seed=wanted.seed,
        animate=shown.animate,
        region=shown.region,
    )


def hidden() -> UserError:
    """What is said to those who would see more of a photograph than was shown."""
    return UserError("photograph_hidden", {"strength": round(100 * FAINTEST)})


def photograph_of(reply_to: Mapping[str, str]) -> Photograph:
    """What the one who asked for a job had of its photograph; theirs, where an earlier release did not say."""
    text = reply_to.get(PHOTOGRAPH, Photograph.OWN)
    return Photograph(text) if text in set(Photograph) else Photograph.HIDDEN


def place_of(result: Result) -> str:
    """The key of the place where a result was shown."""
    to = result.reply_to
    return to.get("session") or f"{result.frontend}:{to.get('channel_id') or to.get('chat_id', '')}"


class Access:
    """Decides; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis. Every method raises ``OperatorError("queue_unavailable")`` when it is away.
        home: Where a place is now that may have moved.

    Attributes:
        shown: Which pictures were shown where.
    """

    def __init__(self, connection: redis.Redis, home: Callable[[str], str] = str) -> None:
        self._connection, self._home = connection, home
        self.shown = Shown(connection)

    def grant(self, viewer: Viewer, result: Result | None, job_id: str) -> Grant:
        """What somebody may do with a result.

        Args:
            viewer: Who, and where.
            result: The job's result, or None where nothing is known of it any more.
            job_id: The job.

        Raises:
            JobError: ``job_expired``: there is no picture, or not any more.
            UserError: ``not_your_job``: it is somebody else's, and was shown elsewhere or is not for everybody.
        """
        if result is None or result.outcome != "done":
            raise JobError("job_expired", {"job_id": job_id})
        if result.user != viewer.user and not (viewer.others_may and self._home(place_of(result)) == viewer.place):
            raise UserError("not_your_job", {"job_id": job_id})
        job = Job.from_json(result.job)
        return Grant(result, job, self._photograph(viewer, job))

    def opened(self, viewer: Viewer, kept: Kept) -> Photograph | None:
        """What somebody has of the photograph of a recipe: None where it is not for them."""
        if not kept.recipe.content:
            return None
        if kept.own:
            return Photograph.OWN
        return Photograph.SHOWN if self.shown.has(viewer.place, kept.recipe.content) else None

    def owns(self, user: str, digest: str) -> bool:
        """Whether a picture is somebody's: they sent it, or had a job painted with it that was their own."""
        return self.shown.has(user, digest) or any(
            photograph_of(job.reply_to) is Photograph.OWN and digest in job.pictures for job in self._jobs(user)
        )

    def _photograph(self, viewer: Viewer, job: Job) -> Photograph:
        if job.user == viewer.user and photograph_of(job.reply_to) is Photograph.OWN:
            return Photograph.OWN
        return Photograph.SHOWN if self.shown.has(viewer.place, job.content) else Photograph.HIDDEN

    def _jobs(self, user: str) -> list[Job]:
        with self._connection.pipeline(transaction=False) as pipe:
            noted = cast("list[bytes]", self._connection.zrange(keys.jobs_of(user), 0, -1))
            for job_id in noted:
                pipe.hget(keys.record(job_id.decode()), "job")
            texts = cast("list[bytes | None]", pipe.execute())
        return [job for text in texts if text and (job := _read(text))]


def _read(text: bytes) -> Job | None:
    try:
        return Job.from_json(text)
    except (ContractError, UserError):
        return None  # of another release
