"""The one tree of errors that Pastiche shows to people.

    PasticheError(code, detail)
    ├─ UserError       bad image, too large, bad option, no such job       → say what to do
    ├─ BusyError       rate limited, queue or store full (retry_after_s)   → say when
    ├─ JobError        timed out, out of memory, method failed, expired    → apologise, with the job's id
    └─ OperatorError   bad settings, weights missing, queue unavailable    → log; exit 1; `doctor` explains

Only ``{code, detail}`` crosses the queue; the sentence is made where it is read, in the reader's
language, from ``bot/texts``. A test proves that every code has a sentence in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

Scalar = str | int | float
Detail = Mapping[str, Scalar]


class PasticheError(Exception):
    """Something that a person is told.

    Args:
        code: One of the class's ``codes``.
        detail: Values for the sentence's placeholders; JSON scalars only.

    Raises:
        ValueError: The code does not belong to this class.
    """

    codes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, code: str, detail: Detail | None = None) -> None:
        if code not in self.codes:
            raise ValueError(f"{type(self).__name__} has no code {code!r}")
        super().__init__(code, dict(detail or {}))
        self.code = code
        self.detail: dict[str, Scalar] = dict(detail or {})

    def __str__(self) -> str:
        """The code and its details; people read the catalogue's sentence instead."""
        return f"{self.code} {self.detail}" if self.detail else self.code

    def as_dict(self) -> dict[str, Any]:
        """What crosses the queue."""
        return {"code": self.code, "detail": self.detail}


class UserError(PasticheError):
    """The user can mend it."""

    codes = frozenset(
        {
            "image_empty",  # no bytes
            "image_not_an_image",  # text, HTML, ZIP, … (found)
            "image_vector",  # SVG, PDF
            "image_polyglot",  # an image that is something else as well (found)
            "image_truncated",  # ends too early, or its data is damaged
            "image_cut_off",  # of a kind that shows nothing without its end (found)
            "image_invisible",  # transparent everywhere, and one colour
            "image_format_unsupported",  # a raster format that is not read here (found, allowed)
            "image_heic_unavailable",  # HEIC without pillow-heif
            "image_too_many_bytes",  # (received_bytes, allowed_bytes)
            "image_too_many_pixels",  # (width_px, height_px, allowed_px)
            "image_too_costly",  # takes more time or memory to decode than is allowed
            "image_too_small",  # (width_px, height_px, allowed_px)
            "image_too_long",  # side ratio (width_px, height_px, allowed_ratio)
            "image_missing",  # no picture was given
            "image_unreachable",  # a path or address that cannot be read (name)
            "image_not_received",  # a chat did not hand it over
            "image_in_story",  # a chat shows bots no picture of it
            "address_refused",  # not http or https, another port, or a password in it
            "address_unreachable",  # no answer, a bad one, or not of the public internet: nobody learns which
            "address_too_slow",  # (allowed_s)
            "clip_too_long",  # (received_s, allowed_s)
            "clip_too_many_frames",  # (allowed)
            "clip_too_many_pixels",  # (frames, width_px, height_px)
            "clip_too_costly",  # its frames come too slowly, or take too much memory
            "clip_damaged",  # ends too early, or cannot be decoded
            "clip_without_pictures",  # a film of sound only
            "clip_codec_unsupported",  # (found)
            "output_unwritable",  # (path, reason)
            "option_out_of_range",  # (option, received, allowed)
            "option_unknown",  # (option, allowed)
            "style_unknown",  # (received, allowed)
            "style_missing",  # neither preset nor picture
            "too_many_styles",  # (received, allowed)
            "mask_missing",  # a region is to be painted, and nothing says where it is
            "mask_empty",  # nothing would be painted (region)
            "no_such_job",  # (job_id)
            "not_your_job",  # (job_id)
            "press_again",  # a button that cannot be taken back (seconds)
            "photograph_hidden",  # it would show more of a photograph than was shown (strength)
            "recipe_unknown",  # (received)
            "recipe_without_picture",  # its own photograph is somebody else's
            "permission_missing",  # what the bot may not do in this chat (missing)
            "channel_not_allowed",  # the chat's settings name other channels (allowed)
            "role_missing",  # the chat's settings name roles (allowed)
            "not_a_manager",  # only those who manage the chat may
            "challenge_none_here",  # none in this chat that is at that point
            "entry_no_result",  # the message is no result, or there is none yet
            "challenge_unknown",  # (received)
            "challenge_closed",  # not in this state (theme)
            "challenge_not_over",  # its results are not there yet (theme)
            "challenge_code_unknown",  # an invitation that was used, expired or never was
            "challenge_not_here",  # the person's chat does not take part
            "challenge_changed",  # others changed it faster than we looked
            "draft_limit",  # of challenges that one person prepares (allowed)
            "entry_unknown",  # or it does not take part any more
            "entry_not_yours",
            "entry_limit",  # (allowed)
            "entry_too_old",  # made before the opening
            "entry_style_given",  # made in another style than the given one (theme)
            "entry_not_a_picture",  # a clip, or a sheet that explains one
            "entry_not_made",  # its job failed or was cancelled
            "vote_own_entry",
            "vote_limit",  # (allowed)
            "voting_closed",  # (theme)
            "not_a_person",  # a bot, a channel, an anonymous administrator
            "not_a_member",  # of the chat that takes part
            "account_too_young",  # (days)
            "member_too_new",  # (hours)
            "not_seen_before",  # not known in the chat from before the challenge came
            "method_unavailable",  # no worker has what it needs (received, allowed)
            "size_unavailable",  # beyond every worker (received, allowed_px)
        }
    )


class BusyError(PasticheError):
    """Not now; ``retry_after_s`` says when, where that is known."""

    codes = frozenset(
        {
            "rate_limited",
            "chat_full",  # too many jobs of one chat
            "queue_full",  # too many jobs of everybody
            "bytes_limited",  # pictures of one person (held_bytes, allowed_bytes)
            "address_bytes_limited",  # of all web sessions from one address (held_bytes, allowed_bytes)
            "store_full",  # no room for anybody's
        }
    )

    @property
    def retry_after_s(self) -> float:
        """Seconds after which another try makes sense."""
        return float(self.detail.get("retry_after_s", 60))


class JobError(PasticheError):
    """The job was accepted and could not be done."""

    codes = frozenset(
        {
            "job_timed_out",  # (timeout_s)
            "job_out_of_memory",  # (allowed_px)
            "job_failed",  # anything unforeseen; the log has it under the job's id
            "job_abandoned",  # its worker died too often
            "job_expired",  # its pictures are gone
            "job_lost",  # the store lost it before it was painted
        }
    )


class OperatorError(PasticheError):
    """The operator can mend it."""

    codes = frozenset(
        {
            "bad_setting",  # (setting, received, allowed)
            "setting_missing",  # (setting)
            "weights_missing",  # (model, reason)
            "model_unusable",  # (model, reason)
            "queue_unavailable",  # (reason)
            "queue_cannot_save",  # its disk is full or closed to it (reason)
            "port_taken",  # (host, port)
            "extra_missing",  # a Python extra is not installed (extra)
            "no_worker",  # nobody takes jobs (reason)
            "process_ended",  # a process of the demo ended (name, reason)
        }
    )


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Raised inside a method when its ``cancelled`` callback says so. Never crosses the queue."""


CLASSES: tuple[type[PasticheError], ...] = (UserError, BusyError, JobError, OperatorError)


def error_from_dict(data: Mapping[str, Any]) -> PasticheError:
    """Rebuild an error from what ``as_dict`` gave.

    Args:
        data: ``{"code": str, "detail": {...}}``.

    Returns:
        An error of the class that owns the code; an unknown code (from a newer worker, say)
        becomes ``JobError("job_failed")``.
    """
    code = str(data.get("code", ""))
    for cls in CLASSES:
        if code in cls.codes:
            detail = data.get("detail")
            return cls(code, detail if isinstance(detail, Mapping) else None)
    return JobError("job_failed", {"code": code})
