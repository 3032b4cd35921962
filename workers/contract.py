"""What crosses the queue: jobs, events and results as versioned JSON. Never pickle.

A reader ignores fields that it does not know, so new ones need no new version. A version changes when
a field changes its meaning or goes; and it is written only by a release whose predecessor reads it
already, so that workers and frontends of two neighbouring releases work side by side. Until then the
next version is read as this one with other fields beside. What is newer still is refused with an error
of its own: it is nothing to throw away.

Whatever is read, of any type of the project, is read by ``read_object`` and ``fill``: what is no JSON, nested
without end, too large a number or of another type raises ``ContractError``, which names the field and not its value.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from nst.errors import PasticheError, error_from_dict
from nst.options import StyleOptions

VERSION = 1
READABLE_VERSIONS = frozenset({VERSION, VERSION + 1})

_LONGEST_WHOLE = 16  # characters; JSON promises no more than 53 bits (RFC 8259, section 6)
_MOST_FRAMES = 1_000_000

Json = dict[str, Any]
T = TypeVar("T")


def _told(data: Json) -> Json:
    code, detail = data.get("code"), data.get("detail", {})
    if not isinstance(code, str) or not isinstance(detail, dict):
        raise ValueError("a code and what its sentence needs")
    if not all(isinstance(value, str | int | float) for value in detail.values()):
        raise ValueError("scalars only")
    return data


Told = Annotated[Json, AfterValidator(_told)]  # {"code", "detail"}


class ContractError(ValueError):
    """A payload that this release cannot read."""


class NewerVersionError(ContractError):
    """A payload of a newer release: another process may be able to read it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One pastiche to be made.

    Attributes:
        job_id: Unique; results are idempotent by it.
        frontend: Whose outbox gets the result: ``discord``, ``telegram``, ``web``, ``cli``.
        reply_to: The frontend's own address of the chat and message; opaque to everybody else but for one
            name: ``chat`` is an opaque key of the chat, for its limit, where there is a chat.
        user: Opaque key of the requester, for quotas and ``forget me``.
        content: Blob hash of the content image.
        styles: Blob hashes of one to four style images.
        mask: Blob hash of the mask that says where to paint (``options.region``), or "".
        options: What the user chose.
        style_label: The preset's name, or "" for the user's own picture: for captions.
        submitted_at_s: Unix time; the queue's client fills it in, by Redis' clock.
        frames: Frames to be painted: more than 1 for a clip. The queue's client fills it in.
        clip_types: Media types of clips that the frontend can show, the preferred one first; empty for any.
        explanation: One of ``nst.options.EXPLANATIONS`` for a sheet that explains the method instead of a pastiche.
    """

    job_id: str
    frontend: str
    content: str
    styles: tuple[str, ...]
    options: StyleOptions
    reply_to: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    style_label: str = ""
    submitted_at_s: float = 0.0
    frames: Annotated[int, Field(ge=1, le=_MOST_FRAMES)] = 1
    clip_types: tuple[str, ...] = ()
    explanation: str = ""
    mask: str = ""

    @property
    def pictures(self) -> tuple[str, ...]:
        """Blob hashes of all that is needed: the content image, the style images, and the mask where there is one."""
        return (self.content, *self.styles, *filter(None, [self.mask]))

    def sorted(self, files: Sequence[bytes]) -> tuple[bytes, list[bytes], bytes | None]:
        """What ``pictures`` names, as content image, style images and mask."""
        behind = 1 + len(self.styles)
        return files[0], list(files[1:behind]), files[behind] if self.mask else None

    @property
    def chat(self) -> str:
        """Opaque key of the chat that asked; "" where nobody else is there."""
        return self.reply_to.get("chat", "")

    def to_json(self) -> str:
        """Compact JSON with the contract's version."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data |= {"options": self.options.as_dict(), "styles": list(self.styles), "reply_to": dict(self.reply_to)}
        data["clip_types"] = list(self.clip_types)
        return _dump(data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read and validate.

        Raises:
            ContractError: Not JSON, another version, or fields missing.
            UserError: Options out of range.
        """
        version, data = _load(text)
        return _plain(cls, version, data | {"options": StyleOptions.from_dict(data.get("options", {}))})


@dataclass(frozen=True, kw_only=True)
class Event:
    """How a job stands; only the last one counts.

    Attributes:
        job_id: The job.
        frontend: Whose job it is.
        state: ``queued``, ``running`` or a terminal state of ``Result``.
        fraction: 0..1.
        step: Steps done, of ``steps``; both 0 where there are none.
        steps: Steps in all.
        eta_s: Estimated seconds to the end; negative when unknown.
        preview: Blob hash of a small JPEG, or "".
        losses: Named losses of this step.
    """

    job_id: str
    frontend: str
    state: str
    fraction: float = 0.0
    step: int = 0
    steps: int = 0
    eta_s: float = -1.0
    preview: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Compact JSON with the contract's version."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read and validate; see ``Job.from_json``."""
        return _plain(cls, *_load(text))


@dataclass(frozen=True, kw_only=True)
class Result:
    """The one terminal event of a job.

    Attributes:
        job_id: The job.
        frontend: Whose outbox it lies in.
        outcome: ``done``, ``failed`` or ``cancelled``.
        reply_to: As in the job.
        user: As in the job.
        picture: Blob hash of the result (``done``, or ``cancelled`` by somebody who kept what there was).
        media_type: ``image/jpeg`` or ``image/png``; of a clip ``image/gif``, ``image/webp`` or ``video/mp4``.
        width_px: Of the result.
        height_px: Of the result.
        method: The method that really made it.
        model: Identity of its weights.
        service_s: Seconds that the worker spent on it.
        time_lapse: Blob hash of a film of the way there, or "".
        time_lapse_type: ``image/webp``, or what the frontend shows: ``image/gif`` or ``video/mp4``.
        notices: ``{"code", "detail"}`` of what the user should know.
        error: ``{"code", "detail"}`` (``failed`` only).
        job: The job itself, so that a result can be varied and replayed.
    """

    job_id: str
    frontend: str
    outcome: str
    reply_to: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    picture: str = ""
    media_type: str = ""
    width_px: int = 0
    height_px: int = 0
    method: str = ""
    model: str = ""
    service_s: float = 0.0
    time_lapse: str = ""
    time_lapse_type: str = "image/webp"
    notices: tuple[Told, ...] = ()
    error: Told | None = None
    job: str = ""

    def to_json(self) -> str:
        """Compact JSON with the contract's version."""
        return _dump(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read and validate; see ``Job.from_json``."""
        return _plain(cls, *_load(text))

    @classmethod
    def failure(cls, job: Job, error: PasticheError, service_s: float = 0.0) -> Self:
        """The result of a job that could not be done."""
        return cls(**_common(job), outcome="failed", error=error.as_dict(), service_s=service_s)

    @classmethod
    def cancellation(cls, job: Job) -> Self:
        """The result of a job that somebody cancelled."""
        return cls(**_common(job), outcome="cancelled")

    def raised(self) -> PasticheError | None:
        """The error as an exception, or None."""
        return error_from_dict(self.error) if self.error else None


def _common(job: Job) -> Json:
    return {
        "job_id": job.job_id,
        "frontend": job.frontend,
        "reply_to": dict(job.reply_to),
        "user": job.user,
        "job": job.to_json(),
    }


def _dump(data: Mapping[str, Any]) -> str:
    return json.dumps({"version": VERSION, **data}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_object(text: str | bytes) -> Json:
    """Read a JSON object that may be anybody's.

    Raises:
        ContractError: It is none; it is nested too deeply; or it has a number that no field can hold.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        data = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair could never be written again
    except (ValueError, RecursionError) as error:
        raise ContractError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(data, dict):
        raise ContractError("not a JSON object")
    return data


def fill(cls: type[T], data: Mapping[str, Any]) -> T:
    """An instance of a data class from what was read; fields that it does not know are ignored.

    Args:
        cls: The data class; its annotations say what is allowed.
        data: Its fields.

    Raises:
        ContractError: A field is missing, or of another type; its value is not repeated.
    """
    try:
        kind: Any = cls
        filled: T = _adapter(kind).validate_python(data)
        return filled
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ContractError(f"not a {cls.__name__.lower()}: {place[:60]}: {first['msg'][:100]}") from None


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _whole(text: str) -> int:
    if len(text) > _LONGEST_WHOLE:
        raise ValueError("a number is too long")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is not finite")
    if value.is_integer() and len(str(int(value))) > _LONGEST_WHOLE:  # some fields would take it for a whole number
        raise ValueError("a number is too large")
    return value


def _load(text: str | bytes) -> tuple[int, Json]:
    data = read_object(text)
    version = data.pop("version", None)
    if type(version) is not int or version not in READABLE_VERSIONS:
        newer = type(version) is int and version > VERSION
        kind = NewerVersionError if newer else ContractError
        raise kind(f"contract version {str(version)[:20]}; this release reads {sorted(READABLE_VERSIONS)}")
    return version, data


def _plain(cls: type[T], version: int, data: Json) -> T:
    try:
        return fill(cls, data)
    except ContractError as error:
        raise NewerVersionError(str(error)) if version > VERSION else error from None
