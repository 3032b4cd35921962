"""What every frontend can ask for, in the project's own words: the use cases, and no platform.

The queue's client is synchronous and quick; it is called in threads, so that a slow Redis never
stops a frontend's event loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from bot.chat.fitting import CLIP_TYPES
from bot.chat.privacy import forget
from bot.chat.unfinished import HeldJobs
from bot.chat.variations import Button, vary
from bot.presets.catalogue import Preset
from nst.errors import UserError
from nst.options import MAX_STYLES, StyleOptions
from nst.pictures.clip_header import inspect_content
from workers.client.client import QueueClient
from workers.client.downloads import Getting, getting
from workers.client.estimates import is_attended
from workers.client.line import Limits
from workers.contract import Event, Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.owners import NOBODY


@dataclass(frozen=True)
class Style:
    """One style image: a preset by name, or somebody's own picture.

    Attributes:
        preset: A preset's name, or "".
        picture: The picture's bytes, or its blob hash when it is stored already.
    """

    preset: str = ""
    picture: bytes | str = b""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asked for.

    Attributes:
        content: The content image's bytes, or its blob hash.
        styles: One to four styles.
        options: What they chose; with a mask ``everything`` becomes ``subject``.
        user: Opaque key of the user; the same person has the same key in every message.
        reply_to: The frontend's own address for the answer.
        job_id: Given by platforms that may deliver the same request twice; else made here.
        explanation: One of ``nst.options.EXPLANATIONS`` for a sheet that explains instead of a pastiche.
        mask: A mask's bytes, or its blob hash; empty where there is none.
    """

    content: bytes | str
    styles: Sequence[Style]
    options: StyleOptions
    user: str
    reply_to: Mapping[str, str] = field(default_factory=dict)
    job_id: str = ""
    explanation: str = ""
    mask: bytes | str = ""


@dataclass(frozen=True)
class Standing:
    """How a job stands.

    Attributes:
        event: Its last event, or None.
        position: Place in the queue from 1, or None when it does not wait.
        eta_s: Seconds to the end, or None when nothing like it was measured yet.
        attended: Whether any worker is up that takes jobs of its queue.
        getting: The download that it waits for, or None.
    """

    event: Event | None
    position: int | None
    eta_s: float | None
    attended: bool = True
    getting: Getting | None = None


class StyleService:
    """The use cases of one frontend.

    Args:
        connection: To the queue's Redis, from ``workers.store.connection.connect``.
        presets: All presets by name.
        frontend: Whose outbox gets the results.
        limits: What the queue takes before it says "later".

    Attributes:
        presets: As above.
        held: What was queued here and has no result yet; a frontend keeps it watching.
    """

    def __init__(
        self,
        connection: redis.Redis,
        presets: Mapping[str, Preset],
        frontend: str,
        limits: Limits | None = None,
    ) -> None:
        self.presets = presets
        self._frontend = frontend
        self._connection = connection
        self._client = QueueClient(connection, limits)
        self.held = HeldJobs(connection, frontend)
        self._blobs = Blobs(connection, limits or Limits())
        self._nobodys: frozenset[str] = frozenset()

    async def submit(self, request: Request) -> Job:
        """Queue a pastiche.

        Returns:
            The job as it was queued.

        Raises:
            UserError: A picture or a style that cannot be used.
            BusyError: Too much at once.
            OperatorError: The queue is away.
        """
        return await asyncio.to_thread(self._submit, request)

    async def vary(self, result: Result, button: Button, user: str, reply_to: Mapping[str, str]) -> tuple[Job, ...]:
        """Start what a button under a result stands for; the strip starts five jobs.

        Raises:
            JobError: ``job_expired``: the pictures are gone.
            BusyError, OperatorError: As in ``submit``.
        """
        job = Job.from_json(result.job)
        varied = vary(job.options, button)
        return tuple([await self.repeat(job, options, user, reply_to) for options in varied])

    async def repeat(
        self, job: Job, options: StyleOptions, user: str, reply_to: Mapping[str, str], resumes: str = ""
    ) -> Job:
        """The same pictures with other options; ``resumes`` as ``QueueClient.submit`` has it."""
        again = Job(
            job_id=new_job_id(),
            frontend=self._frontend,
            content=job.content,
            styles=job.styles,
            options=options,
            reply_to=reply_to,
            user=user,
            style_label=job.style_label,
            submitted_at_s=time.time(),
            mask=job.mask,
            clip_types=CLIP_TYPES.get(self._frontend, ()),
        )
        await asyncio.to_thread(self._resubmit, again, resumes)
        return again

    async def resume(self, job: Job, user: str, reply_to: Mapping[str, str]) -> Job:
        """Go on with a job that was stopped with ``keep``, as a new one.

        Raises:
            JobError, BusyError, OperatorError: As in ``submit``.
        """
        return await self.repeat(job, job.options, user, reply_to, resumes=job.job_id)

    async def cancel(self, job_id: str, user: str, keep: bool = False) -> bool:
        """Stop a job; False if it was finished already.

        Args:
            job_id: Which.
            user: Who asks.
            keep: Leave what a slow job has so far, for ``resume``.

        Raises:
            UserError: ``no_such_job`` or ``not_your_job``.
        """
        return await asyncio.to_thread(self._client.cancel, job_id, user, keep)

    async def standing(self, job_id: str) -> Standing:
        """How a job stands."""
        return await asyncio.to_thread(self._standing, job_id)

    async def result(self, job_id: str) -> Result | None:
        """A job's terminal result, for a day."""
        return await asyncio.to_thread(self._client.result, job_id)

    async def quality(self, job_id: str) -> dict[str, Any]:
        """A result's quality card; {} while there is none."""
        return await asyncio.to_thread(self._client.quality, job_id)

    async def jobs_of(self, user: str) -> list[str]:
        """A user's unfinished jobs, oldest first."""
        return await asyncio.to_thread(self._client.jobs_of, user)

    async def keep(self, picture: bytes, user: str, address: str = "") -> str:
        """Check a picture's header and store it for a job to come, for half an hour.

        Args:
            picture: An encoded picture.
            user: Opaque key of the one who gave it.
            address: Of a web session: a key of where it comes from, whose bytes are counted as well.

        Returns:
            Its blob hash.

        Raises:
            UserError: ``image_*``.
            BusyError: ``bytes_limited``, ``address_bytes_limited`` or ``store_full``.
            OperatorError: The queue is away.
        """
        return await asyncio.to_thread(self._keep, picture, user, address)

    async def forget(self, user: str, besides: Callable[[Collection[str]], object]) -> int:
        """Forget all of a user.

        Args:
            user: Opaque key of the user.
            besides: Deletes what the platform itself notes; it gets the ids of the user's jobs.

        Returns:
            How many jobs were forgotten.
        """
        return await asyncio.to_thread(self._forget, user, besides)

    async def picture(self, digest: str) -> bytes:
        """A stored picture.

        Raises:
            JobError: ``job_expired``.
        """
        return await asyncio.to_thread(self._blobs.get, digest)

    def _submit(self, request: Request) -> Job:
        given: list[bytes] = []
        content = _hash(request.content, given)
        styles = [self._style(style, given) for style in request.styles]
        if not styles:
            raise UserError("style_missing")
        if len(styles) > MAX_STYLES:
            raise UserError("too_many_styles", {"received": len(styles), "allowed": MAX_STYLES})
        options = request.options
        if request.mask and options.region == "everything":
            options = options.replace(region="subject")
        job = Job(
            job_id=request.job_id or new_job_id(),
            frontend=self._frontend,
            content=content,
            styles=tuple(styles),
            mask=_hash(request.mask, given) if request.mask else "",
            options=options,
            reply_to=request.reply_to,
            user=request.user,
            style_label=" ".join(style.preset for style in request.styles if style.preset),
            submitted_at_s=time.time(),
            explanation=request.explanation,
            clip_types=CLIP_TYPES.get(self._frontend, ()),
        )
        self._client.submit(job, given, presets=self._presets_among(job))
        self.held.hold(job)
        return job

    def _resubmit(self, job: Job, resumes: str) -> None:
        self._client.submit(job, resumes=resumes, presets=self._presets_among(job))
        self.held.hold(job)

    def _forget(self, user: str, besides: Callable[[Collection[str]], object]) -> int:
        return forget(self._connection, user, self._all_presets(), besides)

    def _presets_among(self, job: Job) -> frozenset[str]:
        """Which of a job's pictures are nobody's."""
        return self._all_presets().intersection(job.styles)

    def _all_presets(self) -> frozenset[str]:
        if not self._nobodys:
            self._nobodys = frozenset(blob_hash(preset.picture.read_bytes()) for preset in self.presets.values())
        return self._nobodys

    def _style(self, style: Style, given: list[bytes]) -> str:
        if not style.preset:
            return _hash(style.picture, given)
        preset = self.presets.get(style.preset)
        if preset is None:
            raise UserError("style_unknown", {"received": style.preset[:40], "allowed": ", ".join(self.presets)})
        return _hash(preset.picture.read_bytes(), given)

    def _standing(self, job_id: str) -> Standing:
        client = self._client
        attended = is_attended(self._connection, job_id)
        download = getting(self._connection, job_id)
        return Standing(client.event(job_id), client.position(job_id), client.eta_s(job_id), attended, download)

    def _keep(self, picture: bytes, user: str, address: str) -> str:
        inspect_content(picture)
        payer = f"address:{address}" if address else NOBODY
        return self._blobs.put(picture, keys.UNUSED_TTL_S, user, payer=payer)


def new_job_id() -> str:
    """A name that no other job has."""
    return uuid.uuid4().hex


def job_id_from(secret: str, *words: str) -> str:
    """A name for what came in a message: the same one should it come twice, and nobody can work it out.

    Args:
        secret: What nobody else has, such as a bot's token.
        words: What was said, where.

    Returns:
        22 letters, digits, ``-`` and ``_``: 128 bits.
    """
    key = hashlib.sha256(f"pastiche job {secret}".encode()).digest()
    name = hmac.digest(key, "\0".join(words).encode(), "sha256")[:16]
    return base64.urlsafe_b64encode(name).decode().rstrip("=")


def _hash(picture: bytes | str, given: list[bytes]) -> str:
    if isinstance(picture, str):
        return picture
    given.append(picture)
    return blob_hash(picture)
