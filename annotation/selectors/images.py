from uuid import UUID

from django.db.models import Count, Q, QuerySet

from annotation.models import Image, Project, Prompt
from annotation.selectors import reports


def images_of(
    project: Project,
    *,
    excluded: bool | None = None,
    search: str = "",
    prompt: UUID | None = None,
    sha256: str = "",
    reported: bool | None = None,
) -> QuerySet[Image]:
    """In the order of their names: all, the excluded ones, or those in use.

    search: what the name or the prompt contains, in any case; prompt: images of this one alone;
    reported: those on screens that were reported as broken or unsafe, until one of the images is excluded.
    """
    images = Image.objects.filter(project=project).select_related("prompt").order_by("name", "id")
    if excluded is not None:
        images = images.filter(excluded=excluded)
    if search:
        images = images.filter(Q(name__icontains=search) | Q(prompt__text__icontains=search))
    if prompt is not None:
        images = images.filter(prompt=prompt)
    if reported:
        images = images.filter(reports.reported(project))
    if sha256:
        images = images.filter(sha256=sha256.lower())
    return images


def prompts_of(
    project: Project, *, search: str = "", with_images: bool = False
) -> QuerySet[Prompt]:
    """Each with the number of its images, as `image_count`, and of those in use, as `used_count`."""
    prompts = Prompt.objects.filter(project=project).annotate(
        image_count=Count("images"), used_count=Count("images", filter=Q(images__excluded=False))
    )
    if search:
        prompts = prompts.filter(text__icontains=search)
    return prompts.filter(image_count__gt=0) if with_images else prompts
