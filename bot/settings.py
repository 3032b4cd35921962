"""Everything an operator may set: environment variables, or a ``.env`` file in the working folder.

``.env.example`` documents each of them; a test holds the two together. Settings are read when a
process starts, never at import, and a wrong one is named together with what would be right.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_cache_path, user_data_path
from pydantic import AfterValidator, ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nst.errors import OperatorError
from nst.method import MethodSettings
from nst.secrecy import HIDDEN, SOUND, Secrets, bare, is_sound, secrets_in
from workers.client.line import MIB, Limits
from workers.store.byte_stores import open_byte_store, use_byte_store
from workers.store.connection import SCHEMES
from workers.store.s3_store import S3Access

_SECRET = re.compile("token|secret|password|key|redis_url")  # in the name of what is not repeated
# What libraries look for in the environment by themselves.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OTHERS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "KAGGLE_KEY", "KAGGLE_API_TOKEN")


def _redis_url(value: str) -> str:
    if not value.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        raise ValueError(", ".join(f"{scheme}://…" for scheme in SCHEMES))
    return value


def _telegram_token(value: SecretStr) -> SecretStr:
    # It becomes a part of addresses; "/test" leads to Telegram's test servers.
    if not re.fullmatch(r"(\d+:[A-Za-z0-9_-]+(/test)?)?", value.get_secret_value()):
        raise ValueError("the token that @BotFather gave: 123456:ABC…")
    return value


def _discord_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]*", value.get_secret_value()):  # it becomes a header
        raise ValueError("the bot's token from https://discord.com/developers/applications")
    return value


def _http_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("http://… or https://…")
    return value.rstrip("/")


def _networks(value: str) -> str:
    try:
        for part in filter(None, value.replace(" ", "").split(",")):
            ipaddress.ip_network(part)
    except ValueError:
        raise ValueError("addresses and networks with commas between, such as 10.0.0.7, 172.18.0.0/16") from None
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", value.get_secret_value()):
        raise ValueError("up to 256 of A-Z, a-z, 0-9, _ and -")
    return value


class Settings(BaseSettings):
    """The settings of one process; attribute names are the variables' in lower case."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(default="redis://127.0.0.1:6379/0", repr=False)
    discord_token: Annotated[SecretStr, AfterValidator(_discord_token)] = SecretStr("")
    discord_proxy: Annotated[str, AfterValidator(_http_url)] = Field(default="", repr=False)
    telegram_token: Annotated[SecretStr, AfterValidator(_telegram_token)] = SecretStr("")
    telegram_api_url: Annotated[str, AfterValidator(_http_url)] = "https://api.telegram.org"
    telegram_webhook_url: Annotated[str, AfterValidator(_http_url)] = ""
    telegram_webhook_host: str = "127.0.0.1"
    telegram_webhook_port: int = Field(default=8443, ge=1, le=65535)
    telegram_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] = SecretStr("")
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=0, le=65535)
    web_public_url: Annotated[str, AfterValidator(_http_url)] = ""
    web_operator_password: SecretStr = SecretStr("")
    web_list_challenges: bool = False
    web_trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    nst_fast_model: str = "auto"
    nst_fast_batch: str = Field(default="auto", pattern="^(auto|on|off)$")
    nst_fast_xla: bool = False
    nst_vgg_weights: str = ""
    nst_gatys_precision: str = Field(default="auto", pattern="^(auto|float32|bfloat16)$")
    nst_gatys_xla: bool = False
    nst_quality: str = "bundled"
    nst_singan_budget: str = Field(default="auto", pattern=r"^(auto|quick|full|\d{2,3}:\d{1,5})$")
    nst_keras_weights_url: Annotated[str, AfterValidator(_http_url)] = ""
    model_cache_dir: Path = Field(default_factory=lambda: user_cache_path("pastiche") / "models")
    presets_dir: Path | None = None
    data_dir: Path = Field(default_factory=lambda: user_data_path("pastiche"))
    blob_store: str = "redis"
    s3_endpoint_url: Annotated[str, AfterValidator(_http_url)] = ""
    s3_region: str = ""
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    language: str = Field(default="en", pattern="^[a-z]{2}$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field(default="text", pattern="^(text|json)$")
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    jobs_pending_per_user: int = Field(default=Limits.pending_per_user, ge=1)
    jobs_pending_per_chat: int = Field(default=Limits.pending_per_chat, ge=1)
    jobs_per_user_per_day: int = Field(default=Limits.per_user_per_day, ge=1)
    jobs_waiting: int = Field(default=Limits.waiting, ge=1)
    bytes_per_user: ByteSize = Field(default=ByteSize(Limits.bytes_per_user), ge=MIB)
    bytes_per_address: ByteSize = Field(default=ByteSize(Limits.bytes_per_address), ge=MIB)
    bytes_in_all: ByteSize = Field(default=ByteSize(Limits.bytes_in_all), ge=MIB)
    worker_max_side_px: int = Field(default=0, ge=0)

    @property
    def trusted_proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Whose ``X-Forwarded-…`` headers the web side believes."""
        parts = self.web_trusted_proxies.replace(" ", "").split(",")
        return tuple(ipaddress.ip_network(part) for part in parts if part)

    @field_validator("*")
    @classmethod
    def _sound(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value and not is_sound(value):
            raise ValueError(SOUND)
        return value

    @property
    def secrets(self) -> Secrets:
        """All that no message of this process may show: its own, and what its libraries find in the environment."""
        values = [value for value in dict(self).values() if isinstance(value, str | SecretStr)]
        own = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        own += self.telegram_token.get_secret_value().partition(":")[2:]
        own += [os.environ.get(name, "") for name in _OTHERS]
        addresses = [value for value in values if isinstance(value, str)] + list(_proxies().values())
        return Secrets([*own, *(secret for address in addresses for secret in secrets_in(address))])

    @property
    def methods(self) -> MethodSettings:
        """What the methods need to know."""
        return MethodSettings(
            fast_model=self.nst_fast_model,
            fast_batch=self.nst_fast_batch,
            fast_xla=self.nst_fast_xla,
            vgg_weights=self.nst_vgg_weights,
            model_cache=str(self.model_cache_dir),
            keras_weights_url=self.nst_keras_weights_url,
            gatys_precision=self.nst_gatys_precision,
            gatys_xla=self.nst_gatys_xla,
            quality=self.nst_quality,
            singan_budget=self.nst_singan_budget,
        )

    @property
    def limits(self) -> Limits:
        """What the queue takes before it says "later"."""
        return Limits(
            pending_per_user=self.jobs_pending_per_user,
            pending_per_chat=self.jobs_pending_per_chat,
            per_user_per_day=self.jobs_per_user_per_day,
            waiting=self.jobs_waiting,
            bytes_per_user=self.bytes_per_user,
            bytes_per_address=self.bytes_per_address,
            bytes_in_all=self.bytes_in_all,
        )


def open_blob_store(settings: Settings) -> None:
    """Let this process keep pictures where ``BLOB_STORE`` says.

    Args:
        settings: Of the process.

    Raises:
        OperatorError: ``bad_setting``, or ``extra_missing``.
    """
    secret = settings.s3_secret_access_key.get_secret_value()
    access = S3Access(settings.s3_endpoint_url, settings.s3_region, settings.s3_access_key_id, secret)
    use_byte_store(open_byte_store(settings.blob_store, access))


def read_settings(**overrides: Any) -> Settings:
    """Read the environment and ``.env``.

    Args:
        overrides: Values that win over both, by attribute name.

    Raises:
        OperatorError: ``bad_setting`` with the first wrong one; secrets are not repeated.
    """
    for name, value in _proxies().items():
        if not is_sound(value):
            raise OperatorError("bad_setting", {"setting": name, "received": HIDDEN, "allowed": SOUND})
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, received = str(first["loc"][0]), str(first.get("input"))
        received = HIDDEN if _SECRET.search(name) or "@" in bare(received) else bare(received)[:60]
        allowed = str(first["msg"]).removeprefix("Value error, ")
        raise OperatorError(
            "bad_setting", {"setting": name.upper(), "received": received, "allowed": allowed}
        ) from None


def _proxies() -> dict[str, str]:
    """The proxies that the environment names for everybody."""
    names = (name for upper in _PROXIES for name in (upper, upper.lower()))
    return {name: os.environ[name] for name in names if os.environ.get(name)}
