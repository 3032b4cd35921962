"""Updates by webhook instead of polling, where the operator sets an address for it."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from telegram.ext import Updater

from nst.errors import OperatorError


def _public_url(value: str) -> str:
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("https://…")
    return value.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", value.get_secret_value()):
        raise ValueError("up to 256 of A-Z, a-z, 0-9, _ and -")
    return value


class Webhook(BaseSettings):
    """Where Telegram sends updates, and where we listen for them; a proxy with TLS stands between.

    Attributes:
        url: What Telegram calls; its path is ours as well.
        host: Where we listen.
        port: Where we listen.
        secret: Telegram sends it with every update; made here where none is set.
    """

    model_config = SettingsConfigDict(
        env_prefix="TELEGRAM_WEBHOOK_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    url: Annotated[str, AfterValidator(_public_url)] = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=1, le=65535)
    secret: Annotated[SecretStr, AfterValidator(_secret)] = SecretStr("")

    @classmethod
    def read(cls) -> Self | None:
        """The environment's; None where no address is set: then we poll.

        Raises:
            OperatorError: ``bad_setting``.
        """
        try:
            found = cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = f"TELEGRAM_WEBHOOK_{first['loc'][0]}".upper()
            detail = {"setting": name, "received": "(hidden)", "allowed": str(first["msg"])}
            raise OperatorError("bad_setting", detail) from None
        return found if found.url else None

    async def start(self, updater: Updater, updates: list[str]) -> None:
        """Listen, and tell Telegram so."""
        secret = self.secret.get_secret_value() or secrets.token_urlsafe(32)
        await updater.start_webhook(
            listen=self.host,
            port=self.port,
            url_path=urlsplit(self.url).path,
            webhook_url=self.url,
            secret_token=secret,
            allowed_updates=updates,
            bootstrap_retries=-1,
        )
