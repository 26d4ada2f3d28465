"""Images of a project by what files from elsewhere call them: a path, part of one, or a file's name."""

import re
from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import UUID

from django.utils.translation import gettext as _

from annotation.models import Image, Project
from annotation.names import file_key

# As the ancestor's page may have called a picture.
SERVED = "/serve_image?path="
# A cell that a spreadsheet would take for a formula is written with this before it, by us and by others.
DEFUSED = re.compile(r"^'(?=[\s'\"]*[=+\-@\t\r])")


@dataclass(frozen=True, slots=True)
class Found:
    id: UUID
    prompt_id: UUID | None
    name: str


class Names:
    """`find` gives the one image that is meant, or a sentence that says why that cannot be told."""

    def __init__(self, project: Project) -> None:
        self._by_name: defaultdict[str, list[Found]] = defaultdict(list)
        self._by_file: defaultdict[str, list[Found]] = defaultdict(list)
        images = Image.objects.filter(project=project).order_by("id")
        for id, name, prompt_id in images.values_list("id", "name", "prompt_id").iterator(5000):
            found = Found(id, prompt_id, name)
            key = file_key(name)
            self._by_name[key].append(found)
            self._by_file[key.rpartition("/")[2]].append(found)

    def find(self, called: str) -> Found | str:
        """The longest end of the path that is an image's name; else the only image with this file name."""
        called = DEFUSED.sub("", called)
        if called.startswith(SERVED):
            called = unquote(called.removeprefix(SERVED))
        parts = file_key(called).split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        candidates = next((self._by_name[end] for end in ends if end in self._by_name), None)
        if candidates is None:
            candidates = self._by_file.get(parts[-1], [])
        # Of names that differ in their spelling alone, the very one that is written.
        candidates = [found for found in candidates if found.name == called] or candidates
        short = called if len(called) <= 200 else f"{called[:200]}…"
        if not candidates:
            return _("the project has no image “%(short)s”") % {"short": short}
        if len(candidates) > 1:
            return _("%(candidates)s images of the project could be “%(short)s”") % {
                "candidates": len(candidates),
                "short": short,
            }
        return candidates[0]
