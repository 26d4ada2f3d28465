import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
)
from django.conf import settings
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage

from annotation import images
from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal, Stamp, Unavailable

# What an answer of the storage says when another try may go better.
PASSING = frozenset({"500", "503", "InternalError", "ServiceUnavailable", "SlowDown"})


class S3Source:
    """The pictures of a bucket below a prefix, copied. A picture is known by its key and its content.

    The operator names the storage and the buckets (IMPORT_S3_…); a person chooses among them, so no
    address is ever fetched on their word.
    """

    def __init__(self, bucket: str, prefix: str = "") -> None:
        if bucket not in settings.IMPORT_S3_BUCKETS:
            allowed = ", ".join(settings.IMPORT_S3_BUCKETS) or "none"
            raise Invalid(
                _(
                    "The bucket “%(bucket)s” is not among those that the operator allows "
                    "(IMPORT_S3_BUCKETS): %(allowed)s."
                )
                % {"bucket": bucket[:100], "allowed": allowed},
                "bucket",
            )
        self.bucket, self.prefix = bucket, prefix
        self.identity = f"s3:{settings.IMPORT_S3_ENDPOINT}/{bucket}"
        self.client: Any = None
        self.storage = S3Storage(
            bucket_name=bucket,
            endpoint_url=settings.IMPORT_S3_ENDPOINT or None,
            region_name=settings.IMPORT_S3_REGION or None,
            access_key=settings.IMPORT_S3_ACCESS_KEY_ID or None,
            secret_key=settings.IMPORT_S3_SECRET_ACCESS_KEY or None,
            client_config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3, "mode": "standard"},
                s3={"addressing_style": "path" if settings.IMPORT_S3_ENDPOINT else "auto"},
            ),
        )

    def count(self) -> None:
        return None  # known only when all has been listed

    def entries(self) -> Iterator[Entry | Refusal]:
        # Made here, once: a client may be used by all threads, what it is made of may not.
        self.client = self.storage.connection.meta.client
        try:
            for item in self.storage.bucket.objects.filter(Prefix=self.prefix):
                if PurePosixPath(item.key).suffix.lower() not in images.EXTENSIONS:
                    continue
                if item.size > settings.MAX_UPLOAD_BYTES:
                    yield Refusal(item.key, _("The file is too large for a picture."))
                    continue
                yield Entry(
                    place=item.key,
                    name=item.key[-400:],
                    read=partial(self._read, item.key),
                    stamp=Stamp(item.size, _version(item.e_tag)),
                )
        except (BotoCoreError, ClientError) as error:
            raise _trouble(
                error, _("The bucket %(bucket)s cannot be listed") % {"bucket": self.bucket}
            ) from None

    def _read(self, key: str) -> bytes:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
            content: bytes = answer["Body"].read(settings.MAX_UPLOAD_BYTES + 1)
        except (BotoCoreError, ClientError) as error:
            raise _trouble(error, _("It cannot be fetched")) from None
        return content


def _version(e_tag: str) -> int:
    """The tag that the storage gives a content, as a number of 63 bits."""
    return int.from_bytes(hashlib.sha256(e_tag.encode()).digest()[:8], "big") >> 1


def _trouble(error: Any, what: str) -> Exception:
    """An answer that says no is final; no answer at all may pass."""
    if isinstance(error, NoCredentialsError):
        return Invalid(
            _("%(what)s: the operator has given no credentials (IMPORT_S3_ACCESS_KEY_ID).")
            % {"what": what}
        )
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code not in PASSING:
            return Invalid(
                _("%(what)s: the storage answers %(value)s.")
                % {"what": what, "value": code or _("with a refusal")}
            )
    return Unavailable(_("%(what)s: the storage does not answer.") % {"what": what})


def open_source(asked: Asked) -> S3Source:
    return S3Source(asked.text("bucket"), asked.text("prefix"))
