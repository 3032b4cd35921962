"""Fetching from addresses that people give, against a real server on loopback, and every way to lead it astray.

``INSIDE`` stands for what must not be reached and ``OUTSIDE`` for the public internet, which only the tests' ``Reach``
says.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Sequence
from ipaddress import IPv4Network, ip_address
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.chat.fetching import Fetcher, FetchLimits, Reach, is_public
from bot.texts import explain, languages
from nst.errors import UserError
from tests.peers.web_host import INSIDE, OUTSIDE, Answer, Host, answer, moved, picture

PUBLIC = (IPv4Network(f"{OUTSIDE}/32"),)
MIB = 1024 * 1024


class Names(AbstractResolver):
    """A name server that says what the test wants, the next answer each time."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name: iter(said) for name, said in answers.items()}

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        numbers = next(self._answers[host.partition(".")[0]], None) if host.partition(".")[0] in self._answers else None
        if not numbers:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host, host=number, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in number else socket.AF_INET,
            )
            for number in numbers
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is kept."""


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    await made.start()
    yield made
    made.stop()


def fetcher(host: Host, names: AbstractResolver | None = None, **limits: Any) -> Fetcher:
    ports = (host.port, 80, 443)
    return Fetcher(Reach(networks=PUBLIC, ports=ports, resolver=names), FetchLimits(**limits))


async def refusal(fetching: Awaitable[bytes]) -> str:
    """The code with which a fetch is refused; there has to be a sentence for it."""
    with pytest.raises(UserError) as caught:
        await fetching
    assert all("{" not in explain(caught.value, language) for language in languages())
    return caught.value.code


async def test_a_picture_is_fetched_and_nothing_of_ours_goes_along(host: Host) -> None:
    host.pages["/a"] = moved("/b", Set_Cookie="who=me; Path=/")
    host.pages["/b"] = answer(picture(), Content_Type="text/plain")
    names = Names(pictures=[[OUTSIDE]] * 2)
    assert await fetcher(host, names).fetch(f" http://pictures.test:{host.port}/a#top ") == picture()
    assert host.asked == [(OUTSIDE, "/a"), (OUTSIDE, "/b")]
    for name in ("cookie", "authorization", "referer"):
        assert all(f"\n{name}:" not in head.lower() for head in host.heads)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
async def test_what_it_is_says_its_content(host: Host, kind: str) -> None:
    host.pages["/x.html"] = answer(picture(kind), Content_Type="text/html")
    assert await fetcher(host).fetch(f"http://{OUTSIDE}:{host.port}/x.html") == picture(kind)


INWARD = [
    "http://127.0.0.1:{port}/",
    "http://2130706433:{port}/",  # decimal
    "http://0177.0.0.1:{port}/",  # octal
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",  # hexadecimal
    "http://0x7f.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",  # IPv4 in IPv6
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",  # 6to4
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",  # Teredo
    "http://[fe80::1%25lo]:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://localhost:{port}/",
    "http://localhost.:{port}/",
    "http://LOCALHOST:{port}/",
    "http://127。0。0。1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/",
    "http://[fd00:ec2::254]/latest/meta-data/",
]
MISMADE = [
    "file:///etc/passwd",
    "ftp://{outside}/a.png",
    "gopher://{outside}:80/",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "//{outside}/a.png",
    "http:///a.png",
    "http://",
    "",
    "not an address",
    "http://user:secret@{outside}:{port}/",
    "http://{outside}@127.0.0.1:{port}/",
    "http://{outside}:22/",
    "http://{outside}:6379/",
    "http://{outside}:99999/",
    "http://[::1/",
]


@pytest.mark.parametrize("address", INWARD)
async def test_no_spelling_of_an_address_leads_inward(host: Host, address: str) -> None:
    host.pages["/"] = answer(picture())
    code = await refusal(fetcher(host, total_s=60).fetch(address.format(port=host.port)))
    assert code in ("address_unreachable", "address_refused")
    assert not host.connections


@pytest.mark.parametrize("address", MISMADE)
async def test_an_address_that_is_none_of_the_webs_is_refused_unasked(host: Host, address: str) -> None:
    code = await refusal(fetcher(host).fetch(address.format(outside=OUTSIDE, port=host.port)))
    assert code == "address_refused"
    assert not host.connections


@pytest.mark.parametrize(
    "to",
    ["http://127.0.0.1:{port}/", "//inside.test:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/",
     "file:///etc/passwd", "http://{outside}:22/", "http://me:pw@{outside}:{port}/", ""],
)  # fmt: skip
async def test_no_redirect_leads_inward(host: Host, to: str) -> None:
    host.pages["/"] = answer(picture())
    host.pages["/a"] = moved(to.format(port=host.port, outside=OUTSIDE))
    names = Names(pictures=[[OUTSIDE]], inside=[[INSIDE]])
    code = await refusal(fetcher(host, names).fetch(f"http://pictures.test:{host.port}/a"))
    assert code in ("address_unreachable", "address_refused")
    assert host.asked == [(OUTSIDE, "/a")]


async def test_a_name_that_changes_its_mind_gains_nothing(host: Host) -> None:
    """DNS rebinding: the same name is public when it is looked at first, and inward when it is asked again."""
    host.pages["/"] = moved("/secret")
    host.pages["/secret"] = answer(picture())
    names = Names(rebinding=[[OUTSIDE], [INSIDE]])
    assert await refusal(fetcher(host, names).fetch(f"http://rebinding.test:{host.port}/")) == "address_unreachable"
    assert host.connections == [OUTSIDE]


@pytest.mark.parametrize(
    "number",
    [INSIDE, "192.168.1.7", "169.254.169.254", "::1", "fe80::1", "fd00::7", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
     "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["printer.local", "redis", "metadata.google.internal", "host.docker.internal"])
async def test_a_name_of_the_house_is_not_asked(host: Host, name: str, number: str) -> None:
    """Whatever the house's own name servers make of it, be it an address that hides another one."""
    host.pages["/"] = answer(picture())
    names = Names(**{name.partition(".")[0]: [[number]]})
    assert await refusal(fetcher(host, names).fetch(f"http://{name}:{host.port}/")) == "address_unreachable"
    assert not host.connections


async def test_of_a_name_with_several_numbers_only_the_public_ones_are_asked(host: Host) -> None:
    host.pages["/"] = answer(picture())
    names = Names(mixed=[["::1", INSIDE, OUTSIDE, "fe80::1%lo", "127.1"]])
    assert await fetcher(host, names).fetch(f"http://mixed.test:{host.port}/") == picture()
    assert host.connections == [OUTSIDE]


async def test_three_redirects_are_followed_and_no_fourth(host: Host) -> None:
    host.pages |= {f"/{n}": moved(f"/{n + 1}") for n in range(5)} | {"/4": answer(picture())}
    where = f"http://{OUTSIDE}:{host.port}"
    assert await fetcher(host).fetch(f"{where}/1") == picture()
    assert await refusal(fetcher(host).fetch(f"{where}/0")) == "address_unreachable"


@pytest.mark.parametrize(
    "page",
    [
        '<html><head><meta property="og:image" content="/m/cat.gif?a=1&amp;b=2"><meta property="og:video">',
        "<!DOCTYPE html><html>\n<meta content='/m/cat.gif?a=1&amp;b=2' name=\"twitter:image\" />",
    ],
)
async def test_behind_a_page_lies_the_picture_that_it_shows_of_itself(host: Host, page: str) -> None:
    """As the pages of GIF pickers do."""
    host.pages["/view/cat"] = answer(page.encode() + bytes(600_000), Content_Type="text/html")
    host.pages["/m/cat.gif?a=1&b=2"] = answer(picture("GIF"))
    assert await fetcher(host).fetch(f"http://{OUTSIDE}:{host.port}/view/cat") == picture("GIF")


async def test_a_pages_picture_is_checked_like_a_redirect(host: Host) -> None:
    page = f'<html><meta property="og:image" content="http://{INSIDE}:{host.port}/secret">'
    host.pages["/"], host.pages["/secret"] = answer(page.encode()), answer(picture())
    assert await refusal(fetcher(host).fetch(f"http://{OUTSIDE}:{host.port}/")) == "address_unreachable"
    host.pages["/"] = answer(b'<html><meta property="og:image" content="/">')
    assert await refusal(fetcher(host).fetch(f"http://{OUTSIDE}:{host.port}/")) == "address_unreachable"
    assert set(host.connections) == {OUTSIDE}


async def _drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + picture()[:100])
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def _slow_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-Still: here\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _endless(writer: asyncio.StreamWriter) -> None:
    """No length, and no end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(b"%x\r\n%s\r\n" % (len(picture()), picture()))
    while not writer.is_closing():
        writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
        await writer.drain()


async def _endless_redirects(writer: asyncio.StreamWriter) -> None:
    writer.write(moved("/again"))


async def _endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-More: " + b"a" * 1000 + b"\r\n")
        await writer.drain()


BOMB = gzip.compress(bytes(30 * MIB))
HOSTILE: list[tuple[str, bytes | Answer, str]] = [
    ("silent", _silent, "address_too_slow"),
    ("a head that never ends, slowly", _slow_head, "address_too_slow|address_unreachable"),
    ("a head that never ends, quickly", _endless_head, "address_unreachable"),
    ("a body that never comes", _drip, "address_too_slow"),
    ("a body that never ends", _endless, "image_too_many_bytes"),
    ("a length beyond all measure", answer(b"", Content_Length=str(10**12)), "image_too_many_bytes"),
    ("less than its length", answer(picture(), Content_Length="100000")[:-10], "address_unreachable"),
    ("redirects in a circle", _endless_redirects, "address_unreachable"),
    ("a bomb of gzip", answer(BOMB, Content_Encoding="gzip", Content_Type="image/png"), "image_not_an_image"),
    ("a page without a picture", answer(b"<html><title>Hello</title>"), "image_not_an_image"),
    ("a page of tags that never close", answer(b"<html>" + b"<meta " * 90_000), "image_not_an_image"),
    ("a page that says it is a picture", answer(b"<!doctype html><p>", Content_Type="image/png"), "image_not_an_image"),
    ("a text", answer(b"root:x:0:0:root"), "image_not_an_image"),
    ("an archive", answer(b"PK\3\4" + bytes(5000)), "image_not_an_image"),
    ("a drawing", answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "image_vector"),
    ("nothing", answer(b""), "image_empty"),
    ("no HTTP", b"-ERR unknown command\r\n", "address_unreachable"),
    ("not found", answer(picture(), "404 Not Found"), "address_unreachable"),
    ("not allowed", answer(b"", "401 Unauthorized", WWW_Authenticate="Basic"), "address_unreachable"),
    ("broken", answer(b"", "500 Internal Server Error"), "address_unreachable"),
]


@pytest.mark.parametrize(("page", "code"), [one[1:] for one in HOSTILE], ids=[one[0] for one in HOSTILE])
async def test_whatever_a_server_does_it_is_refused_with_a_sentence(
    host: Host, page: bytes | Answer, code: str
) -> None:
    host.pages["/"] = host.pages["/again"] = page
    patience_s = 0.5 if "too_slow" in code else 60
    fetching = fetcher(host, total_s=patience_s, max_bytes=2 * MIB).fetch(f"http://{OUTSIDE}:{host.port}/")
    assert await refusal(fetching) in code.split("|")


async def test_a_name_that_is_not_there_and_one_that_leads_inward_are_told_alike(host: Host) -> None:
    """So that nobody can find out what stands in the house."""
    names = Names(inside=[[INSIDE]])
    codes = {await refusal(fetcher(host, names).fetch(f"http://{name}.test/")) for name in ("inside", "nowhere")}
    assert codes == {"address_unreachable"}


@pytest.mark.parametrize(
    "number",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.255",  # noqa: S104
        "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
        "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255", "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        "ff0e::1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_numbers_that_are_not_the_public_internets(number: str) -> None:
    assert not is_public(ip_address(number))


@pytest.mark.parametrize(
    "number",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "162.159.135.233", "2606:4700:4700::1111", "2a00:1450:4001::1",
     "::ffff:8.8.8.8", "64:ff9b::808:808"],
)  # fmt: skip
def test_numbers_that_are(number: str) -> None:
    assert is_public(ip_address(number))
