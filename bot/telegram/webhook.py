"""Updates by webhook instead of polling, where the operator sets an address for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from telegram.ext import Updater

from bot.settings import Settings


@dataclass(frozen=True)
class Webhook:
    """Where Telegram sends updates, and where we listen for them; a proxy with TLS stands between.

    Attributes:
        url: What Telegram calls; its path is ours as well.
        host: Where we listen.
        port: Where we listen.
        secret: Telegram sends it with every update; made here where none is set.
    """

    url: str
    host: str
    port: int
    secret: str = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The operator's; None where no address is set: then we poll."""
        if not settings.telegram_webhook_url:
            return None
        return cls(
            settings.telegram_webhook_url,
            settings.telegram_webhook_host,
            settings.telegram_webhook_port,
            settings.telegram_webhook_secret.get_secret_value() or secrets.token_urlsafe(32),
        )

    async def start(self, updater: Updater, updates: list[str]) -> None:
        """Listen, and tell Telegram so."""
        await updater.start_webhook(
            listen=self.host,
            port=self.port,
            url_path=urlsplit(self.url).path,
            webhook_url=self.url,
            secret_token=self.secret,
            allowed_updates=updates,
            bootstrap_retries=-1,
        )
