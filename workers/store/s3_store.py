"""An S3-compatible store for pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nst.errors import OperatorError
from nst.secrecy import bare

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 1000  # what S3 deletes in one request
_CONNECT_S, _READ_S, _TRIES = 3.0, 15.0, 4


@dataclass(frozen=True)
class S3Access:
    """How an S3-compatible store is reached; what is empty is looked for where boto3 looks.

    Attributes:
        endpoint_url: Of a store other than Amazon's.
        region: Of the bucket.
        access_key_id: Who we are.
        secret_access_key: Proof of it.
    """

    endpoint_url: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


class S3Store:
    """A bucket of Amazon's S3 or of a store that speaks like it.

    Args:
        url: ``s3://bucket/prefix``.
        access: How it is reached.

    Raises:
        OperatorError: ``extra_missing``, or ``bad_setting`` for an address without a bucket.
    """

    def __init__(self, url: str, access: S3Access) -> None:
        parts = urlsplit(url)
        self._bucket, prefix = parts.netloc, parts.path.strip("/")
        if not self._bucket:
            detail = {"setting": "BLOB_STORE", "received": bare(url)[:60], "allowed": "s3://bucket/prefix"}
            raise OperatorError("bad_setting", detail)
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _s3_client(access)
        self._origin = (url, access)

    def __reduce__(self) -> tuple[type[S3Store], tuple[str, S3Access]]:
        """To another process goes the address: clients cannot."""
        return S3Store, self._origin

    def write(self, digest: str, data: bytes) -> None:
        """As ``ByteStore``."""
        with _speaking_s3():
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + digest, Body=data)

    def read(self, digest: str) -> bytes | None:
        """As ``ByteStore``."""
        with _speaking_s3():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + digest)
            except self._client.exceptions.NoSuchKey:
                return None
            return found["Body"].read()

    def delete(self, *digests: str) -> None:
        """As ``ByteStore``."""
        with _speaking_s3():
            for first in range(0, len(digests), _AT_ONCE):
                objects: Any = [{"Key": self._prefix + digest} for digest in digests[first : first + _AT_ONCE]]
                self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})

    def aged(self) -> Iterator[tuple[str, float]]:
        """As ``ByteStore``."""
        with _speaking_s3():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
                for found in page.get("Contents", []):
                    yield found["Key"].removeprefix(self._prefix), (now - found["LastModified"]).total_seconds()


def _s3_client(access: S3Access) -> S3Client:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise OperatorError("extra_missing", {"extra": "s3"}) from None
    config = Config(
        connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"max_attempts": _TRIES, "mode": "standard"}
    )
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint_url or None,
        region_name=access.region or None,
        aws_access_key_id=access.access_key_id or None,
        aws_secret_access_key=access.secret_access_key or None,
        config=config,
    )


@contextmanager
def _speaking_s3() -> Iterator[None]:
    """Turn boto3's errors into the project's own; they name no secret."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OperatorError("queue_unavailable", {"reason": f"S3: {error}"[:200]}) from None
