"""The strip of strengths: five jobs of one picture, shown as one sheet, of which one is picked.

The jobs' ids follow from the strip's own, so that pressing a button twice starts nothing twice,
and any frontend process can tell when the strip is complete.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from PIL import Image, ImageDraw, ImageFont

from bot.chat.variations import STRIP_STRENGTHS, Button, vary
from workers.client.client import QueueClient
from workers.contract import Job, Result
from workers.store.blobs import Blobs

_CELL_PX = 384
_GAP_PX = 12
_BAND_PX = 44
_PAPER, _INK = (250, 248, 243), (38, 36, 34)


def strip_job_ids(strip_id: str) -> list[str]:
    """The ids of a strip's jobs, in the order of their strengths."""
    return [f"{strip_id}-{round(strength * 100)}" for strength in STRIP_STRENGTHS]


def part_ids(strip_id: str, parts: int = 0) -> list[str]:
    """The ids of a strip's jobs in order: five strengths, or so many pictures."""
    return [f"{strip_id}-p{number}" for number in range(parts)] if parts else strip_job_ids(strip_id)


def submit_strip(client: QueueClient, strip_id: str, job: Job, user: str, reply_to: Mapping[str, str]) -> None:
    """Queue a strip; what was queued of it before is not queued again.

    Args:
        client: The queue. This blocks: call it in a thread.
        strip_id: Unique name of the strip.
        job: The job whose picture is to be seen in five strengths.
        user: Who asks.
        reply_to: The frontend's address, which should name the strip.

    Raises:
        JobError: ``job_expired``.
        BusyError, OperatorError: As in ``QueueClient.submit``; what was queued is taken back.
    """
    queued: list[str] = []
    try:
        for job_id, options in zip(strip_job_ids(strip_id), vary(job.options, Button.STRIP), strict=True):
            now_s = time.time()
            client.submit(
                replace(job, job_id=job_id, options=options, user=user, reply_to=reply_to, submitted_at_s=now_s)
            )
            queued.append(job_id)
    except Exception:
        for job_id in queued:
            client.cancel(job_id, user)
        raise


def strip_results(client: QueueClient, strip_id: str, parts: int = 0) -> list[Result] | None:
    """All results of a strip in order, or None while one is missing; ``parts`` as ``part_ids`` has it."""
    found = [client.result(job_id) for job_id in part_ids(strip_id, parts)]
    results = [result for result in found if result is not None]
    return results if len(results) == len(found) else None


def strip_sheet(blobs: Blobs, results: Sequence[Result]) -> bytes:
    """One JPEG of all pictures side by side, each with its strength below.

    Args:
        blobs: Where the pictures are.
        results: Results that are ``done``, at least one.

    Raises:
        JobError: ``job_expired``.
    """
    pictures = [_cell(blobs.get(result.picture)) for result in results]
    width = sum(picture.width + _GAP_PX for picture in pictures) + _GAP_PX
    height = max(picture.height for picture in pictures) + 2 * _GAP_PX + _BAND_PX
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw, font, left = ImageDraw.Draw(sheet), ImageFont.load_default(26), _GAP_PX
    for picture, result in zip(pictures, results, strict=True):
        sheet.paste(picture, (left, _GAP_PX))
        label = f"{Job.from_json(result.job).options.strength * 100:g}"
        draw.text((left + picture.width / 2, height - _BAND_PX / 2), label, _INK, font, anchor="mm")
        left += picture.width + _GAP_PX
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _cell(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.thumbnail((_CELL_PX, _CELL_PX), Image.Resampling.LANCZOS)
        upright = opened.convert("RGBA")
    paper = Image.new("RGBA", upright.size, (*_PAPER, 255))
    return Image.alpha_composite(paper, upright).convert("RGB")
