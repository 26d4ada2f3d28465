import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from annotation import images
from annotation.errors import Invalid
from annotation.imports.asked import Asked
from annotation.imports.entries import Entry, Refusal

MOST_FILES = 200_000
# The list of contents takes about 100 bytes a file; a long one would fill the memory.
MOST_DIRECTORY_BYTES = 64 * 2**20
# Pictures are compressed already: what grows so much when it is unpacked is no picture, and no album.
MOST_GROWTH = 100
MOST_GROWTH_OF_ALL = 20
# Growth is no harm in what is small.
SMALL_FILE = 2**20
SMALL_ARCHIVE = 100 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ZipSource:
    """The pictures of a zip archive, copied under names of our own; nothing is ever unpacked by its name.

    A picture is the same if its name, length and checksum are, in whatever archive it comes.
    """

    identity = "zip"

    def __init__(self, path: Path) -> None:
        try:
            _check_directory(path)
            self.zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, EOFError) as error:
            raise Invalid(
                _("This is not a usable zip archive: %(error)s") % {"error": error}, "file"
            ) from None
        self._check_sizes(path.stat().st_size)
        self.pictures = [info for info in self.zip.infolist() if _is_picture(info.filename)]

    def count(self) -> int:
        return len(self.pictures)

    def entries(self) -> Iterator[Entry | Refusal]:
        for info in self.pictures:
            complaint = _complaint(info)
            if complaint:
                yield Refusal(info.filename, complaint)
            else:
                yield Entry(
                    place=f"{info.filename}|{info.CRC:08x}|{info.file_size}",
                    name=info.filename,
                    label=info.filename,
                    read=partial(self._read, info),
                )

    def _check_sizes(self, size: int) -> None:
        contents = self.zip.infolist()
        if len(contents) > MOST_FILES:
            raise Invalid(
                _("The archive has more than %(most_files)s files. Divide it.")
                % {"most_files": f"{MOST_FILES:,}"},
                "file",
            )
        if sum(info.compress_size for info in contents) > size:
            raise Invalid(
                _("The files of this archive overlap, which no honest archive has."), "file"
            )
        if sum(info.file_size for info in contents) > max(SMALL_ARCHIVE, MOST_GROWTH_OF_ALL * size):
            raise Invalid(
                _(
                    "Unpacked, this archive would be more than %(most_growth_of_all)s times its "
                    "size."
                )
                % {"most_growth_of_all": MOST_GROWTH_OF_ALL},
                "file",
            )

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self.zip.open(info) as file:
                return file.read(settings.MAX_UPLOAD_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise Invalid(_("It cannot be unpacked: %(error)s") % {"error": error}) from None


def _check_directory(path: Path) -> None:
    """Before the list of contents is read into memory, since its length may be hostile."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise zipfile.BadZipFile("it has no list of its contents, so it may be cut off")
    if end[zipfile._ECD_SIZE] > MOST_DIRECTORY_BYTES:  # type: ignore[attr-defined]
        raise zipfile.BadZipFile(f"it has more than {MOST_FILES:,} files; divide it")


def _is_picture(name: str) -> bool:
    """As in a folder: what is hidden, or is called otherwise than pictures are, is passed over."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts if part != "..")
    return not hidden and path.suffix.lower() in images.EXTENSIONS and not name.endswith("/")


def _complaint(info: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
        return _("Its name leads out of the archive.")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return _("This is not a regular file.")
    if info.flag_bits & 1:
        return _("It is encrypted.")
    if info.compress_type not in METHODS:
        return _("It is compressed in an unusual way. Make the archive with the method “deflate”.")
    if info.file_size > settings.MAX_UPLOAD_BYTES:
        return _("The file is too large for a picture.")
    if info.file_size > max(SMALL_FILE, MOST_GROWTH * info.compress_size):
        return _(
            "Unpacked it would be more than %(most_growth)s times its size: this is no picture."
        ) % {"most_growth": MOST_GROWTH}
    return None


def open_source(asked: Asked) -> ZipSource:
    return ZipSource(asked.file())
