"""Spoilers: what came hidden, or was asked for so, stays hidden in all that is made of it.

A job carries the word in its address, whose ``spoiler`` every platform has; a recipe carries it in its own.
"""

from __future__ import annotations

from workers.contract import Job

SPOILER = {"spoiler": "1"}  # in ``Job.reply_to``


def is_hidden(job: Job) -> bool:
    """Whether a job's result is hidden until somebody wants to see it: all that comes of it is as well."""
    return SPOILER.items() <= job.reply_to.items()
