"""Secrets are struck however they are spelt, and an address is sound only if everybody reads it alike."""

from __future__ import annotations

import base64
import html
import io
import json
import pickle
import re
import sys
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nst.secrecy import Secrets, bare, guarded, is_sound, secrets_in

passwords = st.text(st.characters(codec="utf-8"), min_size=4, max_size=20)
PLACES = ("redis://:{}@host:6379/0", "http://user:{}@proxy:3128", "unix://:{}@/tmp/redis.sock")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in part": quote,
    "percent-encoded in small letters": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), quote(text, safe="")
    ),
    "as in a form": quote_plus,
    "repr": repr,
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON of other letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of a repr": lambda text: json.dumps(repr(text)),
    "JSON of JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": html.escape,
    "an error's detail": lambda text: str({"reason": f"of {text}"}),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(data=st.data())
def test_every_spelling_is_struck(spelling: str, data: st.DataObject) -> None:
    password = data.draw(passwords | st.sampled_from(["p/a#s?s@w%r[d]", "\"'\\\n\t <&>", "pass wörd €𝄞"]))
    assume(len(unquote(password)) >= 4 and unquote(password) not in "before after")
    said = SPELLINGS[spelling](password)
    struck = Secrets([password]).strike(f"before {said} after")
    assert struck.startswith("before ")
    assert struck.endswith(" after")
    assert re.sub(r"[\\\"']", "", struck) in ("before … after", "before {reason: of …} after")


@given(passwords)
@example("pa/ss")
@example("pa#ss")
@example("pa?ss")
@example("pa@ss")
@example("[pass]")
@example("pa\tss")
@example("1234#ss")
@example("℀℀℀℀")
def test_a_sound_address_says_what_its_owner_means(password: str) -> None:
    for place in PLACES:
        written = place.format(password)
        if is_sound(written):
            assert urlsplit(written).password == password
        encoded = place.format(quote(password, safe=""))
        assert is_sound(encoded)
        assert urlsplit(encoded).password == quote(password, safe="")


@given(passwords, st.sampled_from(PLACES), st.booleans())
def test_an_addresss_secrets_are_found_whether_or_not_it_is_sound(password: str, place: str, encoded: bool) -> None:
    url = place.format(quote(password, safe="") if encoded else password)
    struck = Secrets(secrets_in(url)).strike(url)
    assert password not in struck.removeprefix(place.partition("{")[0]).removesuffix(place.partition("}")[2])
    user = "user" if "user" in place else ""
    travelling = base64.b64encode(f"{user}:{unquote(password)}".encode()).decode()
    assert travelling not in Secrets(secrets_in(url)).strike(f"Proxy-Authorization: Basic {travelling}")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis+sentinel://:first@h1:26379,h2:26379/mymaster/0?sentinel_password=a@b", {"first", "a@b"}),
        ("redis://host/0?db=1&password=inthequery", {"inthequery"}),
        ("redis://wordwithoutcolon/more@host:6379", {"wordwithoutcolon/more"}),
        ("redis://127.0.0.1:6379/0", set()),
        ("https://api.telegram.org", set()),
        ("/an/ordinary/path@home", set()),
    ],
)
def test_secrets_in_other_places(url: str, found: set[str]) -> None:
    assert {secret for secret in secrets_in(url) if "=" not in secret or secret in found} >= found
    assert bool(secrets_in(url)) == bool(found)


def test_an_address_is_shown_without_them() -> None:
    assert bare("https://user:pass@hub.example:8443/a@b?c=d") == "(hidden)"
    assert bare("https://user:pass@hub.example:8443/a?c=d") == "https://hub.example:8443/a?c=d"
    assert bare("s3://bucket/prefix") == "s3://bucket/prefix"
    assert bare("/models/a@b") == "/models/a@b"


def test_what_is_short_is_left_alone_and_nothing_is_known_without_secrets() -> None:
    assert Secrets(["abc", ""]).strike("abcabc") == "abcabc"
    assert Secrets().strike("all of it") == "all of it"
    assert Secrets(["%61%62%63"]).strike("abc %61%62%63") == "abc …"


def test_streams_are_guarded_once_with_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    out, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", errors)
    Secrets(["hunter2"]).guard()
    Secrets(["correct horse"]).guard()
    pickle.loads(pickle.dumps(guarded())).guard()  # noqa: S301 - as to a child
    print("hunter2", "correct+horse", flush=True)  # noqa: T201
    sys.stderr.writelines(["hun", "ter2\n"])
    try:
        raise ValueError("correct%20horse")
    except ValueError:
        sys.excepthook(*sys.exc_info())
    assert out.getvalue() == "… …\n"
    assert errors.getvalue().startswith("…\n")
    assert "ValueError: …" in errors.getvalue()
