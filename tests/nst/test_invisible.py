"""Pictures of which nothing is seen, and the sentences for what was made of pictures."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from bot.chat.captions import notices
from bot.texts import languages, notice
from nst.engine import Engine
from nst.errors import UserError
from nst.method import MethodSettings
from nst.options import StyleOptions
from nst.pictures.decode import decode
from tests.picture_samples import TiffPage, quarters, saved, seen, tiff
from workers.contract import Result, Told

QUARTERS = quarters()


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_a_picture_that_is_transparent_everywhere_is_painted_as_if_opaque_and_said(image_format: str) -> None:
    hidden = np.dstack([QUARTERS, np.zeros(QUARTERS.shape[:2], np.uint8)])
    choices = {"lossless": True, "exact": True} if image_format == "WEBP" else {}
    picture = decode(saved(hidden, image_format, **choices))
    assert (picture.alpha, picture.notices) == (None, ("picture_transparent",))
    assert np.array_equal(np.rint(seen(picture)), QUARTERS)


def test_what_is_hidden_outlasts_being_made_smaller() -> None:
    hidden = np.dstack([QUARTERS, np.zeros(QUARTERS.shape[:2], np.uint8)])
    picture = decode(saved(hidden), max_side_px=48)
    assert (picture.alpha, picture.notices) == (None, ("picture_transparent",))
    assert np.abs(seen(picture)[8, 12] - QUARTERS[0, 0]).max() <= 1


def test_a_picture_that_hides_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="image_invisible"):
        decode(saved(np.zeros((32, 32, 4), np.uint8)))


@pytest.mark.parametrize("language", languages())
def test_what_is_said_about_pictures_comes_under_the_result(language: str) -> None:
    cut = saved(QUARTERS, "JPEG")[:-2]
    pages = tiff([TiffPage(QUARTERS.astype(int)), TiffPage(QUARTERS.astype(int))])
    hidden = saved(np.dstack([QUARTERS, np.zeros(QUARTERS.shape[:2], np.uint8)]))
    made = Engine(MethodSettings()).stylize(cut, [pages, hidden], StyleOptions(method="palette"))
    told = tuple(Told(**asdict(one)) for one in made.notices)
    lines = notices(Result(job_id="1", frontend="web:1", outcome="done", notices=told), language)
    codes = ("picture_cut_off", "one_page_only", "picture_transparent")
    assert lines == [notice(code, {}, language) for code in codes]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("code", ["picture_cut_off", "picture_transparent", "one_page_only"])
def test_what_is_said_about_pictures_has_a_sentence(code: str, language: str) -> None:
    assert len(notice(code, {}, language)) > 15
