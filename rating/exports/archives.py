"""Archives written in one go to a stream that cannot be wound back, the same bytes for the same content."""

import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

# The earliest time that a zip can tell.
NEVER = (1980, 1, 1, 0, 0, 0)
# What is worth compressing; pictures and Parquet are compressed already.
TEXT = (".json", ".jsonl", ".csv", ".md")
CHUNK = 2**20


class Zip:
    """What is kept in memory is a line for each file in it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.zip = zipfile.ZipFile(stream, "w")

    def add(self, path: str, content: bytes) -> None:
        self.zip.writestr(_entry(path), content)

    def add_file(self, path: str, file: Path) -> None:
        with (
            file.open("rb") as source,
            self.zip.open(_entry(path), "w", force_zip64=True) as target,
        ):
            while chunk := source.read(CHUNK):
                target.write(chunk)

    def close(self) -> None:
        self.zip.close()


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, NEVER)
    entry.compress_type = zipfile.ZIP_DEFLATED if path.endswith(TEXT) else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    return entry


class Tar:
    """Nothing is kept in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self.tar = tarfile.TarFile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT)

    def add(self, path: str, content: bytes) -> None:
        # As new it has no owner, and its time is the beginning of time.
        entry = tarfile.TarInfo(path)
        entry.size = len(content)
        self.tar.addfile(entry, BytesIO(content))
        # It would keep a line for each file, to look them up by.
        self.tar.members = []  # type: ignore[attr-defined]

    def close(self) -> None:
        self.tar.close()
