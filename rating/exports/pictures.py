"""The pictures of an export: as bytes inside it, as files beside it, or as where to find them."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from annotation.errors import Gone
from annotation.images import IMPORTS, derivative, source_path
from annotation.models import Image

# An image is in several pairs, which follow one another.
REMEMBERED = 16


class Wanted(Protocol):
    """What is known of an image that a row shows."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


class Pictures:
    """Gives each image of a row in the way the options ask for. Raises Gone where its file is not usable."""

    def __init__(self, options: dict[str, Any], image_url: Callable[[UUID], str]) -> None:
        self.kind: str = options.get("picture", "served")
        self.how: str = options.get("images", "embedded")
        self.image_url = image_url
        # Where an archive takes files beside the data; given by its writer.
        self.keep: Callable[[str, bytes], None] | None = None
        self.folder = ""
        self._kept: set[str] = set()
        self._content = lru_cache(REMEMBERED)(self._read)

    def shown(self, image: Wanted, split: str) -> Any:
        """What stands in the row: bytes with a path, a path, an address or a name."""
        if self.how == "embedded":
            content, suffix = self.content(image)
            return {"bytes": content, "path": f"{image.id}{suffix}"}
        if self.how == "paths":
            return self.path(image, split)
        return self.image_url(image.id) if self.how == "urls" else image.name

    def path(self, image: Wanted, split: str) -> str:
        """Where the picture lies in the archive, seen from the data; it is put there now, once a split."""
        content, suffix = self.content(image)
        path = f"images/{image.id}{suffix}"
        place = f"{self.folder.format(split=split)}{image.id}{suffix}"
        if place not in self._kept:
            assert self.keep, "only an archive has a place for files"
            self.keep(place, content)
            self._kept.add(place)
        return path

    def content(self, image: Wanted) -> tuple[bytes, str]:
        """The picture's bytes, and the suffix of its type."""
        return self._content(image.id)

    def _read(self, image_id: UUID) -> tuple[bytes, str]:
        image = Image.objects.select_related("folder").get(id=image_id)
        if self.kind == "original":
            path = source_path(image)
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != image.sha256:
                raise Gone(
                    _("The file of “%(name)s” has changed since it was imported.")
                    % {"name": image.name}
                )
            return content, path.suffix.lower()
        if self.kind == "served":
            return derivative(image, "medium", ("webp",), IMPORTS).read_bytes(), ".webp"
        return derivative(image, "medium", ("jpeg",), IMPORTS).read_bytes(), ".jpg"


FILE_GONE = "its file is gone or has changed"
