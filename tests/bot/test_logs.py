from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from bot.observability import FORMATS, set_up_logs
from workers.worker.job_log import about_job, bind_job

log = logging.getLogger("somewhere")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("log_format", FORMATS)
async def test_each_task_speaks_of_its_own_job(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", log_format)

    async def deliver(job_id: str) -> None:
        bind_job(job_id)
        await asyncio.sleep(0)
        await asyncio.to_thread(log.info, "half way")

    with about_job("submitted"):
        log.info("queued")
    await asyncio.gather(deliver("j1"), deliver("j2"))
    log.info("nobody's")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for line, job_id in zip(sorted(lines, key=lambda line: "half" in line), ("submitted", "", "j", "j"), strict=True):
        assert job_id in line
    assert sum("j1" in line for line in lines) == sum("j2" in line for line in lines) == 1
    assert "job" not in next(line for line in lines if "nobody" in line)


def test_a_line_of_json_holds_what_a_collector_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "json")
    try:
        raise ValueError("é")
    except ValueError:
        log.exception("It failed\non two lines", extra={"job_id": "j1"})
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["level"], record["logger"], record["job_id"]) == ("ERROR", "somewhere", "j1")
    assert record["message"] == "It failed\non two lines"
    assert "ValueError: é" in record["exc_info"]


def test_text_names_the_job_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", "text")
    with about_job("j7"):
        log.info("Job %s is queued", "j7")
        log.info("Its method is warm")
    first, second = capsys.readouterr().err.splitlines()
    assert first.count("j7") == 1
    assert second.endswith("somewhere: Its method is warm [job j7]")
