"""What happens to a project's images: they come in, are described, set aside, and taken back."""

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from annotation import images
from annotation.errors import Conflict
from annotation.models import Image, Pair, Project, Prompt
from annotation.models.prompt import prompt_digest
from annotation.services.assignments import release_assignments_of_image
from annotation.services.revision import raise_revision


def prompt_for(project: Project, text: str) -> Prompt | None:
    if not text.strip():
        return None
    prompt, _ = Prompt.objects.get_or_create(
        project=project, digest=prompt_digest(text), defaults={"text": text}
    )
    return prompt


def prompts_for(project: Project, texts: Iterable[str]) -> dict[str, Prompt]:
    """The prompts of these texts, made where there were none; a text of spaces has none."""
    wanted = {prompt_digest(text): text for text in texts if text.strip()}
    there = Prompt.objects.filter(project=project, digest__in=wanted)
    found = {prompt.digest: prompt for prompt in there}
    new = [
        Prompt(project=project, digest=digest, text=text)
        for digest, text in wanted.items()
        if digest not in found
    ]
    if new:
        # Another may make the same at this moment, so they are read again.
        Prompt.objects.bulk_create(new, ignore_conflicts=True)
        found = {prompt.digest: prompt for prompt in there.all()}
    return {text: found[digest] for digest, text in wanted.items()}


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
    facts = images.inspect(content)
    id = uuid.uuid4()
    # Named by us, never by the uploader.
    path = PurePosixPath(str(project.id), f"{id}.{facts.format.lower()}")
    images.write_atomically(settings.UPLOAD_DIR / path, content)
    with transaction.atomic():
        image = Image.objects.create(
            id=id,
            project=project,
            name=name,
            prompt=prompt_for(project, prompt),
            model=model,
            metadata=metadata or {},
            path=str(path),
            sha256=hashlib.sha256(content).hexdigest(),
            look=facts.look,
            bytes=len(content),
            width=facts.width,
            height=facts.height,
        )
        raise_revision(project.id)
    return image


@transaction.atomic
def update_image(
    image: Image,
    *,
    excluded: bool | None = None,
    reason: str | None = None,
    prompt: str | None = None,
    **fields: Any,
) -> Image:
    image = Image.objects.select_for_update().get(id=image.id)
    for name, value in fields.items():
        setattr(image, name, value)
    if prompt is not None:
        new_prompt = prompt_for(image.project, prompt)
        if new_prompt != image.prompt and _was_shown(image.id):
            raise Conflict(
                "This image has been compared under its present prompt, which therefore stays. "
                "Exclude the image and add it again."
            )
        image.prompt = new_prompt
    if reason is not None:
        image.excluded_reason = reason
    if excluded is not None:
        image.excluded = excluded
        if not excluded:
            image.excluded_reason = ""
    image.save()
    if excluded:
        release_assignments_of_image(image.id)
    raise_revision(image.project_id)
    return image


def delete_image(image: Image) -> None:
    """Take an image out that nobody was shown; one that was is excluded instead, and its log stays."""
    with transaction.atomic():
        image = Image.objects.select_for_update().get(id=image.id)
        if _was_shown(image.id):
            raise Conflict(
                "This image has been shown to annotators, so it is part of the log. "
                "Exclude it instead: PATCH {“excluded”: true, “reason”: “…”}."
            )
        image.delete()
        raise_revision(image.project_id)
    if image.folder_id is None:
        (settings.UPLOAD_DIR / image.path).unlink(missing_ok=True)


def _was_shown(image_id: UUID) -> bool:
    return Pair.objects.filter(Q(low=image_id) | Q(high=image_id)).exists()
