"""Reading: from the entries of a source to rows that can be stored, a batch at a time.

Pictures are decoded in child processes, one thread waiting for each; the database is asked by the calling
thread alone. What is known is found before anything of it is read; only where its file is not as it was, its
bytes are looked at.
"""

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from annotation import images, limits
from annotation.errors import Busy, Invalid
from annotation.imports.entries import (
    NO_ROOM,
    Entry,
    Refusal,
    Stamp,
    Unavailable,
    read_in_place,
)
from annotation.imports.generators import generated_by
from annotation.models import Folder, Image, Project
from annotation.names import fold_text
from annotation.services.quotas import refuse_beyond_disk

logger = logging.getLogger(__name__)

# Of an image, what says whether its file has changed since.
CURRENT = ("id", "sha256", "bytes", "modified_ns", "prompt__text")
BATCH = 100
# A batch whose entries hold this many bytes of memory is full, too; so is one that took this long.
BATCH_BYTES = 32 * 2**20
BATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Current:
    """The image that the project has of an entry, and what its file was when it was read."""

    id: UUID
    sha256: str
    bytes: int
    modified_ns: int
    prompt: str


@dataclass(frozen=True)
class Read:
    """A picture that was read: its row, without its prompt, which is still a text.

    replaces: the image of the same file, which held another picture.
    """

    image: Image
    prompt: str
    reference: bool = False
    replaces: UUID | None = None


@dataclass(frozen=True)
class Same:
    """The file of an image was touched, and holds the same bytes."""

    id: UUID
    modified_ns: int


@dataclass
class Batch:
    read: list[Read] = field(default_factory=list)
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)


class Reader:
    """Reads the entries of one source for one project."""

    def __init__(
        self,
        project: Project,
        identity: str,
        *,
        read_prompts: bool,
        alive: Callable[[], None],
        unlimited: bool = False,
    ) -> None:
        """`alive` is called at least every few seconds while pictures are decoded.

        `unlimited`: an operator's command, for which the quota of the project's maker does not hold.
        """
        self.project, self.identity, self.unlimited = project, identity, unlimited
        self.read_prompts, self.alive = read_prompts, alive
        self.folders: dict[Path, Folder] = {}

    def batches(self, items: Iterable[Entry | Refusal]) -> Iterator[Batch]:
        with ThreadPoolExecutor(images.IMPORTS.children, "decode") as pool:
            for chunk in _chunks(items):
                yield self._read_all(chunk, pool)

    def _read_all(self, chunk: Sequence[Entry | Refusal], pool: ThreadPoolExecutor) -> Batch:
        batch = Batch()
        entries = []
        for item in chunk:
            if isinstance(item, Refusal):
                batch.refused.append(item)
            elif complaint := item.complaint():
                batch.refused.append(Refusal(item.called, complaint))
            else:
                entries.append(item)
        current = self.find_current(entries)
        wanted: dict[object, Entry] = {}
        for entry in entries:
            key = self.key(entry)
            if key in wanted or (
                key in current and not self._may_have_changed(entry, current[key])
            ):
                batch.known += 1
            else:
                wanted[key] = entry
                self.folder_of(entry)  # here, since threads must not ask the database
        if not self.unlimited and any(entry.home is None for entry in wanted.values()):
            # Before a batch is written, so that no file is ever kept that is not counted.
            refuse_beyond_disk(self.project)
        touched = []
        earlier = [current.get(key) for key in wanted]
        for result in pool.map(self._read, wanted.values(), earlier):
            self.alive()
            if isinstance(result, Refusal):
                batch.refused.append(result)
            elif isinstance(result, Same):
                batch.known += 1
                touched.append(Image(id=result.id, modified_ns=result.modified_ns))
            else:
                batch.read.append(result)
        Image.objects.bulk_update(touched, ["modified_ns"])
        return batch

    def key(self, entry: Entry) -> object:
        return self.id_of(entry) if entry.home is None else (entry.home, entry.place)

    def find_current(self, entries: Sequence[Entry]) -> dict[object, Current]:
        """By their keys, those entries that the project has, each as the image that it is now."""
        found: dict[object, Current] = {}
        mine = Image.objects.filter(project=self.project)
        copies = {self.id_of(entry) for entry in entries if entry.home is None}
        asked = {id: id for id in copies}
        while asked:
            # An image that was replaced leads to the one that the place holds now.
            rows = mine.filter(id__in=list(asked)).values_list(*CURRENT, "replaced_by")
            following = {}
            for *row, replaced_by in rows.iterator():
                key = asked[row[0]]
                found[key] = _current(row)
                if replaced_by is not None:
                    following[replaced_by] = key
            asked = following
        for home in {entry.home for entry in entries if entry.home is not None}:
            places = [entry.place for entry in entries if entry.home == home]
            rows = mine.filter(folder__path=str(home), path__in=places, replaced_by=None)
            for *row, path in rows.values_list(*CURRENT, "path").iterator():
                found[home, path] = _current(row)
        return found | self._of_the_same_bytes(entries)

    def _of_the_same_bytes(self, entries: Sequence[Entry]) -> dict[object, Current]:
        """Those whose bytes and prompt an image of the project has, wherever it came from."""
        told = {entry.sha256 for entry in entries if entry.sha256}
        if not told:
            return {}
        rows = Image.objects.filter(project=self.project, sha256__in=told, replaced_by=None)
        by_bytes: dict[str, list[Current]] = {}
        for row in rows.values_list(*CURRENT):
            by_bytes.setdefault(row[1], []).append(_current(row))
        same = {}
        for entry in entries:
            prompt = fold_text(entry.prompt)
            for image in by_bytes.get(entry.sha256, ()):
                if prompt in ("", fold_text(image.prompt)):
                    same[self.key(entry)] = image
        return same

    def _may_have_changed(self, entry: Entry, image: Current) -> bool:
        """Whether the file is not as it was when it was read last, so that its bytes must be looked at."""
        stamp = entry.stamp
        if entry.home is not None:
            try:
                status = (entry.home / entry.place).stat()
            except (OSError, ValueError):
                return True
            stamp = Stamp(status.st_size, status.st_mtime_ns)
        return stamp is not None and stamp != (image.bytes, image.modified_ns)

    def without_known(self, read: Sequence[Read]) -> list[Read]:
        """Those whose row is still not there, after another import of the same has been at it, too."""
        ids = Image.objects.filter(id__in=[one.image.id for one in read])
        there: set[object] = set(ids.values_list("id", flat=True))
        before = [one.replaces for one in read if one.replaces]
        current = Image.objects.filter(id__in=before, replaced_by=None)
        replaceable = {None, *current.values_list("id", flat=True)}
        for folder in self.folders.values():
            places = [
                one.image.path
                for one in read
                if one.image.folder_id == folder.id and one.replaces is None
            ]
            found = Image.objects.filter(folder=folder, path__in=places, replaced_by=None)
            there |= {(folder.id, path) for path in found.values_list("path", flat=True)}
        return [
            one
            for one in read
            if one.image.id not in there
            and (one.image.folder_id, one.image.path) not in there
            and one.replaces in replaceable
        ]

    def id_of(self, entry: Entry) -> UUID:
        """The id that a copy has: always the same for the same place, and to be guessed by nobody.

        So an entry is there once, whoever imports it how often, and a copy that a killed worker left
        without a row is written over by the next.
        """
        return self._id(entry.place)

    def _id(self, place: str) -> UUID:
        text = f"image\0{self.identity}\0{place}".encode()
        key = self.project.pseudonym_key.encode()
        return UUID(bytes=hmac.digest(key, text, "sha256")[:16], version=4)

    def folder_of(self, entry: Entry) -> Folder | None:
        if entry.home is None:
            return None
        if entry.home not in self.folders:
            if len(os.fsencode(entry.home)) > limits.INDEXED:
                raise Invalid(
                    gettext("The path of the folder is longer than %(most)s bytes.")
                    % {"most": limits.INDEXED}
                )
            self.folders[entry.home], _ = Folder.objects.get_or_create(
                project=self.project, path=str(entry.home)
            )
        return self.folders[entry.home]

    def _read(self, entry: Entry, before: Current | None) -> Read | Same | Refusal:
        """The picture, or why it does not come in: whatever is wrong with one stops no other."""
        try:
            return self._read_one(entry, before)
        except Unavailable:
            raise
        except Exception as error:
            logger.exception("entry %r could not be read", entry.called)
            value = f"{type(error).__name__}: {error}"
            return Refusal(
                entry.called, gettext("It cannot be read: %(value)s.") % {"value": value}
            )

    def _read_one(self, entry: Entry, before: Current | None) -> Read | Same | Refusal:
        try:
            content, modified_ns = _content(entry)
            if before is not None and hashlib.sha256(content).hexdigest() == before.sha256:
                return Same(before.id, modified_ns)
            facts = images.inspect(content, images.IMPORTS)
            image = self._row(entry, content, facts, modified_ns)
            if before is not None and entry.home is None:
                # The place's own id is that of the picture that it held first.
                image.id = self._id(f"{entry.place}\0{modified_ns}\0{image.sha256}")
                image.path = self._copied_to(image.id, facts)
            if entry.home is None:
                images.write_atomically(settings.UPLOAD_DIR / image.path, content)
        except Invalid as error:
            return Refusal(entry.called, str(error))
        except Busy as error:
            raise Unavailable(str(error)) from None
        except OSError as error:
            if error.errno in NO_ROOM:
                raise Unavailable(
                    gettext("There is no room left on the disk for the pictures.")
                ) from None
            return Refusal(
                entry.called,
                gettext("It cannot be read: %(value)s.") % {"value": error.strerror or error},
            )
        prompt = entry.prompt.strip() if fold_text(entry.prompt) else ""
        if not prompt and self.read_prompts and (made := generated_by(facts.texts)):
            prompt = made.prompt
            image.model = image.model or made.model
            image.metadata = {**made.metadata, **image.metadata}
        if before is not None:
            prompt = prompt or before.prompt
        if entry.reference and not prompt:
            return Refusal(
                entry.called, gettext("A reference needs the prompt that it is the reference of.")
            )
        return Read(image, prompt, entry.reference, before.id if before else None)

    def _row(self, entry: Entry, content: bytes, facts: images.Facts, modified_ns: int) -> Image:
        image = Image(
            project=self.project,
            folder=self.folders[entry.home] if entry.home else None,
            path=entry.place,
            name=entry.name,
            model=entry.model,
            metadata=dict(entry.metadata),
            group=entry.group,
            gold=entry.gold,
            prior_score=entry.prior_score,
            sha256=hashlib.sha256(content).hexdigest(),
            look=facts.look,
            bytes=len(content),
            modified_ns=modified_ns,
            width=facts.width,
            height=facts.height,
        )
        if entry.home is None:
            image.id = self.id_of(entry)
            image.path = self._copied_to(image.id, facts)
        return image

    def _copied_to(self, id: UUID, facts: images.Facts) -> str:
        """Named by us, never by the source."""
        return str(PurePosixPath(str(self.project.id), f"{id}.{facts.format.lower()}"))


def _content(entry: Entry) -> tuple[bytes, int]:
    if entry.home is not None:
        return read_in_place(entry.home, entry.place)
    assert entry.read is not None, "an entry that does not lie in place says how to read it"
    return entry.read(), entry.stamp.version if entry.stamp else 0


def _current(row: Sequence[Any]) -> Current:
    id, sha256, bytes, modified_ns, prompt = row
    return Current(id, sha256, bytes, modified_ns, prompt or "")


def _chunks(items: Iterable[Entry | Refusal]) -> Iterator[list[Entry | Refusal]]:
    chunk: list[Entry | Refusal] = []
    held, began = 0, time.monotonic()
    for item in items:
        chunk.append(item)
        held += item.held if isinstance(item, Entry) else 0
        late = time.monotonic() - began > BATCH_SECONDS
        if len(chunk) >= BATCH or held >= BATCH_BYTES or late:
            yield chunk
            chunk, held, began = [], 0, time.monotonic()
    if chunk:
        yield chunk
