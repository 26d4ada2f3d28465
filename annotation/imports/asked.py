"""What an import was asked for, and the places of the server that it may therefore read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from annotation.errors import Invalid
from annotation.models import Import
from annotation.strict_json import refuse_bad_text


@dataclass(frozen=True)
class Asked:
    """`anywhere`: it was asked for at the server's own terminal, so any of its folders may be read."""

    id: UUID
    options: dict[str, Any]
    anywhere: bool

    @classmethod
    def of(cls, job: Import) -> "Asked":
        return cls(job.id, job.options, anywhere=job.created_by_id is None)

    def text(self, option: str) -> str:
        return str(self.options.get(option) or "")

    def folder(self, option: str = "path") -> Path:
        path = self.path(option)
        if not path.is_dir():
            raise Invalid(
                _("There is no folder %(path)s. Give the path of a folder.") % {"path": path},
                option,
            )
        return path

    def path(self, option: str = "path") -> Path:
        """A place of the server, where it really is. Looked at anew when the import is begun."""
        text = self.text(option)
        if not text:
            raise Invalid(
                _("Say in “%(option)s” which folder or file of the server is meant.")
                % {"option": option},
                option,
            )
        try:
            refuse_bad_text(text)
            path = Path(text).expanduser().resolve()
            refuse_bad_text(str(path))
        except (OSError, RuntimeError, ValueError):
            raise Invalid(_("%(text)s cannot be a path.") % {"text": text[:200]}, option) from None
        if not self.allowed(path):
            raise Invalid(_outside(text), option)
        return path

    def file(self, upload: str = "file", option: str = "path") -> Path:
        """What was uploaded under this name, else the file of the server that the option names."""
        if upload in self.uploads:
            return self.directory / self.uploads[upload]
        path = self.path(option)
        if not path.is_file():
            raise Invalid(
                _("There is no file %(path)s. Give its path, or upload it.") % {"path": path},
                option,
            )
        return path

    @property
    def uploads(self) -> dict[str, str]:
        """By what they were uploaded as: the names of the files in `directory`."""
        uploads: dict[str, str] = self.options.get("uploads", {})
        return uploads

    def allowed(self, path: Path) -> bool:
        return self.anywhere or any(path.is_relative_to(root) for root in settings.IMAGE_ROOTS)

    @property
    def directory(self) -> Path:
        """Where what was uploaded for this import is kept until it is done."""
        directory: Path = settings.IMPORT_DIR / str(self.id)
        return directory

    def keep(self, name: str, upload: UploadedFile, suffixes: tuple[str, ...]) -> None:
        suffix = Path(upload.name or "").suffix.lower()
        if suffix not in suffixes:
            raise Invalid(
                _("Upload a file whose name ends in %(suffixes)s.")
                % {"suffixes": " or ".join(suffixes)},
                name,
            )
        if (upload.size or 0) > settings.MAX_IMPORT_UPLOAD_BYTES:
            most = settings.MAX_IMPORT_UPLOAD_BYTES // 2**20
            raise Invalid(
                _("The file is larger than %(most)s MB. Put it on the server.") % {"most": most},
                name,
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        # Named by us, never by the uploader.
        self.options.setdefault("uploads", {})[name] = f"{name}{suffix}"
        with open(self.directory / f"{name}{suffix}", "wb") as file:
            for chunk in upload.chunks(2**20):
                file.write(chunk)


def _outside(text: str) -> str:
    roots = ", ".join(str(root) for root in settings.IMAGE_ROOTS)
    if not roots:
        return _(
            "The operator has allowed no folder of the server to import from "
            "(IMAGE_ROOTS). Upload the pictures, or ask the operator."
        )
    return _("“%(text)s” is not inside the folders that may be imported from: %(roots)s.") % {
        "text": text[:200],
        "roots": roots,
    }
