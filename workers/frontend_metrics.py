"""What a frontend's process counts of its own, in prometheus_client's registry of the process.

The queue's figures are Redis' (``workers.metrics``); these are about one process: what it was asked
for, what it refused, and how long results lay in the outbox before they were shown. No label ever
holds a user, a chat or a job.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram

SUBMITTED = Counter("pastiche_frontend_submitted", "Jobs that were queued.", ["frontend", "method"])
REFUSED = Counter("pastiche_frontend_refused", "Requests that were not queued.", ["frontend", "code"])
SHOWN = Counter("pastiche_frontend_shown", "Results that were shown.", ["frontend", "outcome"])
REDELIVERED = Counter("pastiche_frontend_redelivered", "Results read again: not acknowledged before.", ["frontend"])
UNREADABLE = Counter("pastiche_frontend_unreadable", "Results left for a newer release.", ["frontend"])
DELIVERY = Histogram(
    "pastiche_frontend_delivery_seconds",
    "From a result's posting to its being shown.",
    ["frontend"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600, 86_400),
)
