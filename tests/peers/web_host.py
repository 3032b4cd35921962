"""A web server of somebody's on loopback, and what it answers with: well, badly, or never."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from collections.abc import Awaitable, Callable, Iterator

from PIL import Image

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def picture(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).save(out, kind)
    return out.getvalue()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def moved(to: str, **headers: str) -> bytes:
    return answer(b"", "302 Found", Location=to, **headers)


class Host:
    """A web server on two addresses, which notes whoever comes."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self.pages: dict[str, bytes | Answer] = {}
        self.asked: list[tuple[str, str]] = []  # the address that was reached, and the path
        self.heads: list[str] = []
        self.connections: list[str] = []
        self.port = 0

    async def start(self) -> None:
        while not self.port:
            first = await asyncio.start_server(self.serve, OUTSIDE, 0)
            port = first.sockets[0].getsockname()[1]
            try:
                self._servers = [first, await asyncio.start_server(self.serve, INSIDE, port)]
            except OSError:  # somebody else's there
                first.close()
                continue
            with contextlib.suppress(OSError):  # a container without IPv6
                self._servers.append(await asyncio.start_server(self.serve, "::1", port))
            self.port = port

    def stop(self) -> None:
        for server in self._servers:
            server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached = writer.get_extra_info("sockname")[0]
        self.connections.append(reached)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.asked.append((reached, path))
            self.heads.append(head)
            page = self.pages.get(path, answer(b"", "404 Not Found"))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@contextlib.contextmanager
def open_host() -> Iterator[Host]:
    """A host in a thread of its own, for tests that drive processes."""
    loop, host = asyncio.new_event_loop(), Host()
    thread = threading.Thread(target=loop.run_forever, name="web-host", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(host.start(), loop).result(60)
    yield host
    loop.call_soon_threadsafe(host.stop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
