"""From a job to an entry: whose it is, when it was made and how, and the pictures that are kept."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from PIL import Image

from bot.challenges import keys
from bot.challenges.entry import Entry, Status
from bot.challenges.model import Challenge, Person
from bot.challenges.pictures import GIVEN_PX, SHOWN_PX, Pictures, is_light
from bot.challenges.store import Change, Store
from bot.chat.access import Photograph, photograph_of
from bot.chat.spoilers import is_hidden
from nst.errors import JobError, UserError
from workers.client.outbox import result_of
from workers.contract import Job, Result
from workers.store import keys as queue_keys
from workers.store.blobs import Blobs

# Perceptual hash of a picture: what looks the same has nearly the same hash. Pillow only.
#
# The difference hash: the picture in grey at 9 × 8 pixels, one bit for each pixel that is brighter
# than its right neighbour (N. Krawetz, "Kind of Like That", 2013).
_SIDE = 8
ALIKE_BITS = 6  # of 64: a re-encoded or resized copy differs by 0 to 3


def dhash(data: bytes) -> str:
    """The hash of an encoded picture: 16 hexadecimal digits."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (8 * _SIDE, 8 * _SIDE))
        small = image.convert("RGBA" if image.has_transparency_data else "L").convert("L")
        small = small.resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    shades = small.tobytes()
    bits = 0
    for row in range(_SIDE):
        for column in range(_SIDE):
            place = row * (_SIDE + 1) + column
            bits = bits << 1 | (shades[place] > shades[place + 1])
    return f"{bits:016x}"


def twins(own: str, others: Mapping[str, str]) -> Iterable[str]:
    """Names of those among ``others`` (name → hash) that look like ``own``."""
    bits = int(own, 16)
    return [name for name, other in others.items() if (bits ^ int(other, 16)).bit_count() <= ALIKE_BITS]


@dataclass(frozen=True)
class Submission:
    """A job that is entered.

    Attributes:
        job: The job.
        result: Its result, or None while it is being made.
    """

    job: Job
    result: Result | None


class Submissions:
    """What the queue knows of jobs, and what is kept of their pictures.

    Args:
        store: Where challenges are.
        blobs: The queue's pictures.
        pictures: Those of challenges.
    """

    def __init__(self, store: Store, blobs: Blobs, pictures: Pictures) -> None:
        self._store, self._blobs, self._pictures = store, blobs, pictures

    def of(self, challenge: Challenge, job_id: str, user: str) -> Submission:
        """A job as it stands, if it may be entered.

        Raises:
            UserError: ``not_your_job``, ``entry_too_old``, ``entry_style_given``, ``entry_not_made``,
                ``entry_not_a_picture``.
            JobError: ``job_expired``: the queue does not know it any more.
        """
        found = self._look(job_id)
        if found is None:
            raise JobError("job_expired", {"job_id": job_id[:8]})
        job, result = found.job, found.result
        if job.user != user:
            raise UserError("not_your_job", {"job_id": job_id[:8]})
        if job.submitted_at_s < challenge.opened_at_s:
            raise UserError("entry_too_old")
        if challenge.style and job.styles not in ((challenge.style,), (challenge.style_shown,)):
            raise UserError("entry_style_given", {"theme": challenge.theme})
        if result is not None and result.outcome != "done":
            raise UserError("entry_not_made")
        if job.frames > 1 or job.explanation:
            raise UserError("entry_not_a_picture")
        return found

    def entry(self, challenge: Challenge, submission: Submission, entry_id: str, person: Person, now_s: float) -> Entry:
        """The row of a new entry; its pictures are kept from here on.

        Raises:
            JobError: ``job_expired``: the picture is gone.
        """
        job = submission.job
        entry = Entry(
            entry_id=entry_id,
            challenge_id=challenge.challenge_id,
            user=person.user,
            name=person.name.encode("utf-8", "ignore").decode()[:100],
            chat=person.chat,
            job_id=job.job_id,
            entered_at_s=now_s,
            styles=job.styles,
            style_label=job.style_label,
            options=job.options.as_dict(),
            spoiler=is_hidden(job),
        )
        return self._made(entry, job, submission.result, asked=True) if submission.result else entry

    def settled(self, challenge: Challenge, entry: Entry) -> Entry | None:
        """The row of an entry that was pending, once its job has an end; None before that."""
        found = self._look(entry.job_id)
        if found and found.result is None:
            return None
        if found and found.result and found.result.outcome == "done":
            try:
                return self._made(entry, found.job, found.result, asked=False)
            except JobError:
                pass  # forgotten in between
        return entry.changed(status=Status.FAILED)

    def note_look(self, change: Change, entry: Entry, now_s: float) -> None:
        """Note what an entry looks like, and flag it if it has twins, as part of a change."""
        change.write("HSET", keys.looks(entry.challenge_id), entry.entry_id, entry.dhash)
        for other in entry.twin_of:
            flag(change, entry.challenge_id, now_s, "twin", entry.entry_id, other)

    def picture(self, digest: str) -> bytes:
        """A kept picture.

        Raises:
            JobError: ``job_expired``.
        """
        return self._pictures.get(digest)

    def forget(self, entry: Entry | None) -> None:
        """Delete an entry's pictures."""
        if entry:
            self._pictures.forget(entry.challenge_id, *entry.kept)

    def forget_style(self, challenge: Challenge) -> None:
        """Delete the style picture of a challenge that came to nothing."""
        self._pictures.forget(challenge.challenge_id, challenge.style_kept)

    def keep_on(self, challenge: Challenge) -> None:
        """Keep a challenge's pictures for as long as its records, from now."""
        rows = self._store.entries(challenge.challenge_id)
        pictures = [digest for entry in rows for digest in entry.kept]
        self._pictures.keep_on(challenge.challenge_id, challenge.style_kept, *pictures)

    def _made(self, entry: Entry, job: Job, result: Result, asked: bool) -> Entry:
        data = self._blobs.get(result.picture)
        owner = f"{entry.challenge_id} {entry.entry_id}"
        look = dhash(data)
        others = cast("dict[bytes, bytes]", self._store.redis.hgetall(keys.looks(entry.challenge_id)))
        seen = {name.decode(): value.decode() for name, value in others.items()}
        return entry.changed(
            status=Status.ENTERED,
            picture=self._pictures.keep(entry.challenge_id, owner, data, entry.user, asked),
            shown=self._shown(entry, owner, data, asked),
            before=self._before(entry, owner, job, asked),
            media_type=result.media_type,
            width_px=result.width_px,
            height_px=result.height_px,
            method=result.method,
            model=result.model,
            dhash=look,
            twin_of=tuple(name for name in twins(look, seen) if name != entry.entry_id),
        )

    def _shown(self, entry: Entry, owner: str, data: bytes, asked: bool) -> str:
        """Made once, here: nobody who looks at a page makes us decode a large picture."""
        small = b"" if is_light(data) else self._reduced(data, SHOWN_PX)
        return self._pictures.keep(entry.challenge_id, owner, small, entry.user, asked) if small else ""

    def _before(self, entry: Entry, owner: str, job: Job, asked: bool) -> str:
        if photograph_of(job.reply_to) is not Photograph.OWN:
            return ""  # the photograph is not its maker's to show
        try:
            small = self._reduced(self._blobs.get(job.content), GIVEN_PX)
        except JobError:
            return ""  # an inset less on the poster
        return self._pictures.keep(entry.challenge_id, owner, small, entry.user, asked) if small else ""

    def _reduced(self, data: bytes, side_px: int) -> bytes:
        try:
            return self._pictures.reduced(data, side_px)
        except UserError:
            return b""

    def _look(self, job_id: str) -> Submission | None:
        result = result_of(self._store.redis, job_id)
        text = cast("bytes | None", self._store.redis.hget(queue_keys.record(job_id), "job"))
        if result is not None:
            return Submission(Job.from_json(result.job), result)
        return Submission(Job.from_json(text), None) if text else None


def flag(change: Change, challenge_id: str, now_s: float, kind: str, entry_id: str, detail: str) -> None:
    """Show moderators something, as part of a change; the clock tells them."""
    line = {"at_s": now_s, "kind": kind, "entry_id": entry_id, "detail": detail}
    change.write("RPUSH", keys.flags(challenge_id), json.dumps(line))
    change.write("HINCRBY", keys.challenge(challenge_id), "flags", 1)
    change.write("ZADD", keys.DUE, now_s, f"{challenge_id}|flags")
