"""The operator's page in parts: figures and tables as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import redis
from prometheus_client.metrics_core import Metric

from bot.captions import failure, standing
from bot.service import Standing
from bot.texts import duration, say
from bot.web.gallery.html import Html, el
from bot.web.ledger import NEXT, Unfinished
from nst.errors import UserError
from workers import keys
from workers.contract import ContractError, Job, Result
from workers.service_times import live_workers

_QUEUE_FIGURES = ("waiting", "running")
_ID_LETTERS = 8  # as in the sentences that name a job


def queues(metrics: dict[str, Metric], language: str) -> Html:
    """What waits and runs, in large figures.

    Args:
        metrics: The queue's, by name.
        language: The reader's, as everywhere here.
    """
    figures = []
    for name in _QUEUE_FIGURES:
        for sample in metrics[f"pastiche_queue_{name}"].samples:
            label = say(f"operator.{name}", language, queue=sample.labels["queue"])
            figures.append(_figure(f"{sample.value:g}", label))
    oldest_s = max((sample.value for sample in metrics["pastiche_queue_oldest_seconds"].samples), default=0.0)
    age = duration(oldest_s, language) if oldest_s else "–"
    key = "operator.oldest" if oldest_s else "operator.nothing_waits"
    figures.append(_figure(age, say(key, language)))
    return el("div", figures, class_="figures")


def jobs(shown: Sequence[Unfinished], language: str) -> Html:
    """What runs and what is next, each with the time until it will be ready."""
    rows = [
        (
            job.job_id[:_ID_LETTERS],
            job.kind,
            standing(Standing(job.event, job.place or None, None), language),
            "–" if job.eta_s is None else duration(job.eta_s, language),
        )
        for job in shown
    ]
    table = _table("jobs", ("job", "kind", "stands", "ready_in"), rows, "no_jobs", language)
    if not any(job.place == NEXT for job in shown):
        return table
    return el("div", table, el("p", say("operator.next_only", language, count=NEXT), class_="faint"))


def failures(failed: Sequence[tuple[float, Result]], language: str) -> Html:
    """What went wrong last, the newest first."""
    rows = []
    for failed_s, result in failed:
        code = str((result.error or {}).get("code", "–"))
        job_id, when = result.job_id[:_ID_LETTERS], _moment(failed_s)
        rows.append((job_id, when, _method(result), code, failure(result, language)))
    return _table("failures", ("job", "when", "method", "code", "sentence"), rows, "no_failures", language)


def staff(connection: redis.Redis, language: str) -> Html:
    """The workers that live, and what each runs."""
    rows = []
    for worker in live_workers(connection):
        runs = cast("bytes | None", connection.get(keys.lease(worker["name"]))) or b"-"
        memory = f"{int(worker.get('rss_bytes', '0')) / 2**20:.0f}"
        doing = say("operator.idle", language) if runs == b"-" else runs.decode().split(":")[0][:_ID_LETTERS]
        rows.append((worker["name"], worker.get("queues", ""), worker.get("device", ""), memory, doing))
    return _table("workers", ("worker", "queues", "device", "memory", "runs"), rows, "no_workers", language)


def estimates(connection: redis.Redis, language: str) -> Html:
    """How long each kind of job takes."""
    means = cast("dict[bytes, bytes]", connection.hgetall(keys.SERVICE_TIMES))
    rows = sorted((kind.decode(), f"{float(seconds):.2f}") for kind, seconds in means.items())
    return _table("eta", ("kind", "seconds"), rows, "no_times", language)


def outcomes(results: Metric, language: str) -> Html:
    """How many jobs ended how."""
    rows = sorted(
        (sample.labels["method"], sample.labels["outcome"], f"{sample.value:g}")
        for sample in results.samples
        if sample.name.endswith("_total")
    )
    return _table("outcomes", ("method", "outcome", "count"), rows, "no_outcomes", language)


def _figure(number: str, label: str) -> Html:
    return el("div", el("strong", number), el("span", label), class_="figure")


def _moment(unix_s: float) -> Html:
    moment = datetime.fromtimestamp(unix_s, UTC)
    return el("time", f"{moment:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def _method(result: Result) -> str:
    """What was asked for; a failure has no method of its own."""
    try:
        return Job.from_json(result.job).options.method
    except (ContractError, UserError):  # of another release
        return "–"


def _table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str, language: str) -> Html:
    title = say(f"operator.{name}", language)
    heading = el("h2", title)
    if not rows:
        return el("section", heading, el("p", say(f"operator.{nothing}", language), class_="faint"))
    heads = el("tr", *(el("th", say(f"operator.{column}", language), scope="col") for column in columns))
    lines = [el("tr", el("th", first, scope="row"), *(el("td", text) for text in rest)) for first, *rest in rows]
    table = el("table", el("thead", heads), el("tbody", lines), class_="settings")
    return el("section", heading, el("div", table, class_="scrolls", tabindex=0, role="group", aria_label=title))
