"""A throw-away certificate authority: made for one test run, trusted by nobody else."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

HOSTS = (
    "discord.com",
    "gateway.discord.gg",
    "cdn.discordapp.com",
    "media.discordapp.net",
    "images-ext-1.discordapp.net",
)
_LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName="


@dataclass(frozen=True)
class Authority:
    """A certificate authority and one certificate of its own for all of Discord's hosts."""

    ca: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_authority(folder: Path) -> Authority:
    """Make both with the openssl binary; their keys never leave ``folder``."""
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    certificate, key, request, extensions = (folder / name for name in ("tls.pem", "tls.key", "tls.csr", "tls.ext"))
    extensions.write_text(_LEAF + ",".join(f"DNS:{host}" for host in HOSTS), encoding="utf-8")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=Throw-away CA")
    _openssl("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=Discord peer")
    signed = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", extensions)
    _openssl("x509", "-req", "-in", request, "-out", certificate, *signed)
    return Authority(ca, certificate, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
