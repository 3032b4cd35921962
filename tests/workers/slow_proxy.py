"""A network between Pastiche and its Redis that can be slow, silent, closed or encrypted."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Iterator
from typing import Self

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class SlowProxy:
    """Forwards a free TCP port of loopback to Redis' Unix socket; a context manager.

    Args:
        socket_path: Redis'.
        delay_s: Each command waits as long before Redis sees it; may be changed while it runs.
        tls: For ``rediss://``.
    """

    def __init__(self, socket_path: str, delay_s: float = 0.0, tls: ssl.SSLContext | None = None) -> None:
        self.delay_s = delay_s
        self._path, self._tls = socket_path, tls
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @contextlib.contextmanager
    def silence(self) -> Iterator[None]:
        """Nothing passes, as if the host had vanished; connections stay as they are."""
        self._loop.call_soon_threadsafe(self._speaks.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._speaks.set)

    async def _end(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        try:
            redis_reader, redis_writer = await asyncio.open_unix_connection(self._path)
        except OSError:  # Redis is away
            writer.close()
            return
        with contextlib.suppress(OSError, asyncio.CancelledError):  # asyncio would log it as an error of its own
            ways = (self._commands(reader, redis_writer), self._answers(redis_reader, writer))
            async with asyncio.TaskGroup() as group:
                for way in ways:
                    group.create_task(self._close_after(way, writer, redis_writer))
        writer.close()
        redis_writer.close()

    async def _close_after(self, way: Awaitable[None], *writers: Writer) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await way
        for writer in writers:
            writer.close()

    async def _commands(self, reader: Reader, writer: Writer) -> None:
        while True:
            command = await read_command(reader)
            await asyncio.sleep(self.delay_s)
            await self._speaks.wait()
            writer.write(command)
            await writer.drain()

    async def _answers(self, reader: Reader, writer: Writer) -> None:
        while data := await reader.read(65_536):
            await self._speaks.wait()
            writer.write(data)
            await writer.drain()


async def read_command(reader: Reader) -> bytes:
    """One command as clients send it: an array of bulk strings (RESP)."""
    head = await reader.readuntil(b"\r\n")
    parts = [head]
    for _ in range(int(head[1:])):
        length = await reader.readuntil(b"\r\n")
        parts += [length, await reader.readexactly(int(length[1:]) + 2)]
    return b"".join(parts)
