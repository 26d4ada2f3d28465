"""What happens to a project's images: they come in, are described, set aside, and taken back."""

import hashlib
import io
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotation import images
from annotation.errors import Conflict, Invalid
from annotation.models import Image, Project, Prompt
from annotation.services.assignments import release_assignments_of
from annotation.services.examples import refuse_if_in_example
from annotation.services.prompts import move_to_prompt, prompt_for, was_shown
from annotation.services.quotas import count_bytes, refuse_beyond_disk
from annotation.services.references import end_reference, make_reference, refuse_if_reference
from annotation.services.revision import raise_revision

# Stored, for every reader: annotation.language says it in theirs.
DUPLICATE = gettext_noop("Duplicate of %(name)s")
REPLACED = gettext_noop("Its file holds another picture now, which is an image of its own.")


def add_image(
    project: Project,
    content: bytes,
    *,
    name: str,
    prompt: str = "",
    model: str = "",
    metadata: dict[str, Any] | None = None,
) -> Image:
    """Keep an uploaded picture. The file is written before its row, so a row never lacks its file."""
    file = _keep_file(project, io.BytesIO(content))
    with transaction.atomic():
        return _create(project, file, name, prompt, model, metadata)


def upload_image(
    project: Project,
    content: bytes | IO[bytes],
    *,
    name: str,
    prompt: str = "",
    model: str = "",
    metadata: dict[str, Any] | None = None,
) -> tuple[Image, bool]:
    """The image, and whether this call added it: the same bytes under the same name are there once.

    So an upload that broke off can be sent again, all of it. What is there stays as it is described. A
    retry waits for the first try by the project's row, which is locked when everything slow is done.
    """
    # As the letters are composed by one system or another, it is one name.
    name = unicodedata.normalize("NFC", name)
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    same = project.images.filter(sha256=_digest(file), name=name)
    same = same.select_related("prompt").order_by("created_at", "id")
    if (known := same.first()) is not None:
        return known, False
    kept = _keep_file(project, file)
    with transaction.atomic():
        Project.objects.select_for_update().get(id=project.id)
        if (known := same.first()) is None:
            return _create(project, kept, name, prompt, model, metadata), True
    (settings.UPLOAD_DIR / kept.path).unlink(missing_ok=True)
    return known, False


@dataclass(frozen=True)
class _File:
    id: UUID
    path: PurePosixPath
    facts: images.Facts
    sha256: str
    bytes: int


def _keep_file(project: Project, content: IO[bytes]) -> _File:
    refuse_beyond_disk(project, content.seek(0, io.SEEK_END))
    facts = images.inspect(content)
    id = uuid.uuid4()
    # Named by us, never by the uploader.
    path = PurePosixPath(str(project.id), f"{id}.{facts.format.lower()}")
    images.write_atomically(settings.UPLOAD_DIR / path, content)
    return _File(id, path, facts, _digest(content), content.seek(0, io.SEEK_END))


def _digest(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _create(
    project: Project,
    file: _File,
    name: str,
    prompt: str,
    model: str,
    metadata: dict[str, Any] | None,
) -> Image:
    image = Image.objects.create(
        id=file.id,
        project=project,
        name=name,
        prompt=prompt_for(project, prompt),
        model=model,
        metadata=metadata or {},
        path=str(file.path),
        sha256=file.sha256,
        look=file.facts.look,
        bytes=file.bytes,
        width=file.facts.width,
        height=file.facts.height,
    )
    count_bytes(project, file.bytes)
    raise_revision(project.id)
    return image


# A new pair waits for images whose prompt is changing, but not for those that are only set aside: that would
# wait for the pair in turn, to give back its places.
@transaction.atomic
def update_image(
    image: Image,
    *,
    excluded: bool | None = None,
    reason: str | None = None,
    prompt: str | None = None,
    reference: bool | None = None,
    **fields: Any,
) -> Image:
    """Change what is named. A reference of its prompt is excluded; taken back, it is none any more."""
    if reference and excluded is False:
        raise Invalid(
            _("A reference is not compared: it cannot be taken back as well."), "reference"
        )
    if reference is not None or excluded is False:
        _lock_with_reference(image)
    image = Image.objects.select_for_update(no_key=prompt is None).get(id=image.id)
    if prompt is not None:
        move_to_prompt(image.project, Image.objects.filter(id=image.id), prompt)
        image.refresh_from_db(fields=["prompt"])
    for name, value in fields.items():
        setattr(image, name, value)
    if reason is not None:
        image.excluded_reason = reason
    if excluded is not None:
        image.excluded = excluded
        if not excluded:
            end_reference(image)
            image.excluded_reason = ""
    if reference is not None:
        (make_reference if reference else end_reference)(image)
    image.save()
    if excluded or reference:
        release_assignments_of([image.id])
    raise_revision(image.project_id)
    return image


def _lock_with_reference(image: Image) -> None:
    """Whoever changes the reference of a prompt changes two images: both are locked, in one order."""
    both = Q(id=image.id)
    if image.prompt_id is not None:
        both |= Q(reference_of=image.prompt_id)
    locked = Image.objects.filter(both).order_by("id").select_for_update(of=("self",), no_key=True)
    list(locked.values_list("id"))


@transaction.atomic
def update_images(
    project: Project,
    images: QuerySet[Image],
    *,
    prompt: str | None = None,
    excluded: bool | None = None,
    reason: str = "",
) -> int:
    """The same change of many images of the project, all or nothing; how many it was asked for.

    Those that are as wanted already stay as they are, an earlier reason included.
    """
    ids = list(
        images.filter(project=project)
        .order_by("id")
        .select_for_update(of=("self",), no_key=prompt is None)
        .values_list("id", flat=True)
    )
    if prompt is not None:
        move_to_prompt(project, images, prompt)
    if excluded is not None:
        # By their ids, since it may be a search for the prompt that they have just lost.
        set_excluded(ids, excluded=excluded, reason=reason)
    raise_revision(project.id)
    return len(ids)


def set_excluded(ids: list[UUID], *, excluded: bool, reason: str = "") -> int:
    """How many were not so before. Inside the caller's transaction, which raises the revision at its end."""
    changed = 0
    for some in _portions(ids):
        changed += Image.objects.filter(id__in=some, excluded=not excluded).update(
            excluded=excluded, excluded_reason=reason if excluded else ""
        )
        if excluded:
            release_assignments_of(some)
        else:
            Prompt.objects.filter(reference__in=some).update(reference=None)
    return changed


def replace_images(new_of: dict[UUID, Image]) -> list[Image]:
    """Give the files of images to new ones, whose rows come next in the caller's transaction.

    What was said of an image stays said of its own pixels: its row keeps its digest and its comparisons,
    and is excluded, since its file shows another picture now. Returns the new images that are to be the
    references of prompts in place of the old ones. IntegrityError, if another was faster.
    """
    for old, new in sorted(new_of.items()):
        mine = Image.objects.filter(id=old, replaced_by=None)
        if not mine.update(replaced_by=new.id):
            raise IntegrityError(f"the image {old} has been replaced meanwhile")
    ids = list(new_of)
    set_excluded(ids, excluded=True, reason=REPLACED)
    ended = Prompt.objects.filter(reference__in=ids)
    references = [new for old, new in new_of.items() if ended.filter(reference=old).exists()]
    Image.objects.filter(reference_of__in=ended).update(excluded_reason=REPLACED)
    ended.update(reference=None)
    return [image for image in references if image.prompt_id is not None]


def exclude_other_duplicates(image: Image, clusters: dict[UUID, int], reason: str = "") -> int:
    """Keep this one of its duplicates and set the others aside; how many these are."""
    if image.id not in clusters:
        raise Conflict(_("This image has no duplicates any more. Nothing was changed."))
    others = [
        id for id, cluster in clusters.items() if cluster == clusters[image.id] and id != image.id
    ]
    in_use = Image.objects.filter(id__in=others, excluded=False)
    return update_images(
        image.project,
        in_use,
        excluded=True,
        reason=reason or (DUPLICATE % {"name": image.name})[:300],
    )


def delete_image(image: Image) -> None:
    """Take an image out that nobody was shown; one that was is excluded instead, and its log stays."""
    with transaction.atomic():
        image = Image.objects.select_for_update().get(id=image.id)
        if Image.objects.filter(was_shown(), id=image.id).exists():
            raise Conflict(
                _(
                    "This image has been shown to annotators, so it is part of the log. Exclude "
                    "it instead: PATCH {“excluded”: true, “reason”: “…”}."
                )
            )
        refuse_if_reference(image)
        refuse_if_in_example(image)
        if image.replaces.exists():
            raise Conflict(
                _(
                    "This image took the place of an earlier picture of its file, so it stays. Exclude it "
                    "instead: PATCH {“excluded”: true, “reason”: “…”}."
                )
            )
        image.delete()
        if image.folder_id is None:
            count_bytes(image.project, -image.bytes)
        raise_revision(image.project_id)
    if image.folder_id is None:
        (settings.UPLOAD_DIR / image.path).unlink(missing_ok=True)


def _portions(ids: list[UUID], size: int = 5000) -> Iterator[list[UUID]]:
    """As many at a time as every database takes in one statement."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
