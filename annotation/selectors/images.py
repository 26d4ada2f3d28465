from django.db.models import QuerySet

from annotation.models import Image, Project


def images_of(project: Project, *, excluded: bool | None = None) -> QuerySet[Image]:
    """In the order of their names: all, the excluded ones, or those in use."""
    images = Image.objects.filter(project=project).select_related("prompt")
    return images if excluded is None else images.filter(excluded=excluded)
