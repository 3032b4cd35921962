"""The tree of errors, and its way across the queue."""

from __future__ import annotations

import json

import pytest

from nst.errors import CLASSES, BusyError, JobError, OperatorError, PasticheError, UserError, error_from_dict


def test_every_code_has_one_owner() -> None:
    codes = [code for cls in CLASSES for code in cls.codes]
    assert len(codes) == len(set(codes))


def test_every_class_is_known_to_the_reader() -> None:
    assert set(CLASSES) == set(PasticheError.__subclasses__())


@pytest.mark.parametrize(("cls", "code"), [(cls, code) for cls in CLASSES for code in sorted(cls.codes)])
def test_errors_come_back_as_their_class(cls: type[PasticheError], code: str) -> None:
    error = error_from_dict(json.loads(json.dumps(cls(code, {"reason": "x", "count": 3}).as_dict())))
    assert type(error) is cls
    assert (error.code, error.detail) == (code, {"reason": "x", "count": 3})


def test_codes_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="queue_full"):
        UserError("queue_full")


@pytest.mark.parametrize("data", [{}, {"code": "from_a_newer_worker"}, {"code": None, "detail": None}])
def test_unknown_codes_become_a_failed_job(data: dict[str, object]) -> None:
    error = error_from_dict(data)
    assert isinstance(error, JobError)
    assert error.code == "job_failed"


def test_busy_says_when() -> None:
    assert BusyError("queue_full", {"retry_after_s": 7}).retry_after_s == 7
    assert BusyError("queue_full").retry_after_s > 0


def test_text_shows_code_and_detail() -> None:
    assert str(OperatorError("no_worker")) == "no_worker"
    assert "weights_missing" in str(OperatorError("weights_missing", {"model": "vgg19"}))
    assert "vgg19" in str(OperatorError("weights_missing", {"model": "vgg19"}))


def test_detail_is_a_copy() -> None:
    detail: dict[str, str | int | float] = {"reason": "a"}
    error = OperatorError("no_worker", detail)
    detail["reason"] = "b"
    assert error.detail == {"reason": "a"}
