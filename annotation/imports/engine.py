"""Reading: from the entries of a source to rows that can be stored, a batch at a time.

Pictures are decoded in threads, since decoding runs outside the interpreter's lock; the database is asked
by the calling thread alone. What is known is found before anything of it is read.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext

from annotation import images
from annotation.errors import Invalid
from annotation.imports.entries import NO_ROOM, Entry, Refusal, Unavailable, read_in_place
from annotation.imports.generators import generated_by
from annotation.models import Folder, Image, Project
from annotation.names import fold_text
from annotation.services.quotas import refuse_beyond_disk

BATCH = 100
# A batch whose entries hold this many bytes of memory is full, too; so is one that took this long.
BATCH_BYTES = 32 * 2**20
BATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Read:
    """A picture that was read: its row, without its prompt, which is still a text."""

    image: Image
    prompt: str
    reference: bool = False


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
        with ThreadPoolExecutor(os.cpu_count() or 2, "decode") as pool:
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
        known = self.known(entries)
        wanted: dict[object, Entry] = {}
        for entry in entries:
            key = self.key(entry)
            if key in known or key in wanted:
                batch.known += 1
            else:
                wanted[key] = entry
                self.folder_of(entry)  # here, since threads must not ask the database
        if not self.unlimited and any(entry.home is None for entry in wanted.values()):
            # Before a batch is written, so that no file is ever kept that is not counted.
            refuse_beyond_disk(self.project)
        for result in pool.map(self._read, wanted.values()):
            self.alive()
            if isinstance(result, Refusal):
                batch.refused.append(result)
            else:
                batch.read.append(result)
        return batch

    def key(self, entry: Entry) -> object:
        return self.id_of(entry) if entry.home is None else (entry.home, entry.place)

    def known(self, entries: Sequence[Entry]) -> set[object]:
        """The keys of those entries that the project has."""
        copies = [self.id_of(entry) for entry in entries if entry.home is None]
        known: set[object] = set()
        if copies:
            known |= set(Image.objects.filter(id__in=copies).values_list("id", flat=True))
        for home in {entry.home for entry in entries if entry.home is not None}:
            places = [entry.place for entry in entries if entry.home == home]
            found = Image.objects.filter(
                folder__project=self.project, folder__path=str(home), path__in=places
            )
            known |= {(home, path) for path in found.values_list("path", flat=True)}
        return known

    def without_known(self, read: Sequence[Read]) -> list[Read]:
        """Those whose row is still not there, after another import of the same has been at it, too."""
        ids = Image.objects.filter(id__in=[one.image.id for one in read])
        there: set[object] = set(ids.values_list("id", flat=True))
        for folder in self.folders.values():
            places = [one.image.path for one in read if one.image.folder_id == folder.id]
            found = Image.objects.filter(folder=folder, path__in=places)
            there |= {(folder.id, path) for path in found.values_list("path", flat=True)}
        return [
            one
            for one in read
            if one.image.id not in there and (one.image.folder_id, one.image.path) not in there
        ]

    def id_of(self, entry: Entry) -> UUID:
        """The id that a copy has: always the same for the same place, and to be guessed by nobody.

        So an entry is there once, whoever imports it how often, and a copy that a killed worker left
        without a row is written over by the next.
        """
        text = f"image\0{self.identity}\0{entry.place}".encode()
        key = self.project.pseudonym_key.encode()
        return UUID(bytes=hmac.digest(key, text, "sha256")[:16], version=4)

    def folder_of(self, entry: Entry) -> Folder | None:
        if entry.home is None:
            return None
        if entry.home not in self.folders:
            self.folders[entry.home], _ = Folder.objects.get_or_create(
                project=self.project, path=str(entry.home)
            )
        return self.folders[entry.home]

    def _read(self, entry: Entry) -> Read | Refusal:
        try:
            content, modified_ns = _content(entry)
            facts = images.inspect(content)
            image = self._row(entry, content, facts, modified_ns)
            if entry.home is None:
                images.write_atomically(settings.UPLOAD_DIR / image.path, content)
        except Invalid as error:
            return Refusal(entry.called, str(error))
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
        if entry.reference and not prompt:
            return Refusal(
                entry.called, gettext("A reference needs the prompt that it is the reference of.")
            )
        return Read(image, prompt, entry.reference)

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
            # Named by us, never by the source.
            image.path = str(
                PurePosixPath(str(self.project.id), f"{image.id}.{facts.format.lower()}")
            )
        return image


def _content(entry: Entry) -> tuple[bytes, int]:
    if entry.home is not None:
        return read_in_place(entry.home, entry.place)
    assert entry.read is not None, "an entry that does not lie in place says how to read it"
    return entry.read(), 0


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
