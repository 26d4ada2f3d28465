"""Which images of a project are the same picture, or nearly."""

from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

import numpy as np

from annotation.duplicates import near_duplicates
from annotation.models import Image, Project


def duplicate_clusters(project: Project) -> dict[UUID, int]:
    """For each image that has a duplicate in the project the number of its cluster.

    Excluded images count too, so that a cluster stays the same when all but one of it are set aside.
    Clusters are numbered from 0, and the images given, in the order of the images' names.
    """
    rows = list(
        Image.objects.filter(project=project)
        .order_by("name", "id")
        .values_list("id", "sha256", "look")
    )
    look_of = {sha256: look for _, sha256, look in rows if look is not None}
    looks = np.fromiter(look_of.values(), np.int64, len(look_of))
    near = dict(zip(look_of, near_duplicates(looks).tolist(), strict=True))
    # The same bytes are the same picture even if its look is unknown or tells nothing.
    cluster_of = {id: _cluster(sha256, near.get(sha256, -1)) for id, sha256, _ in rows}
    sizes = Counter(cluster_of.values())
    number: defaultdict[str | int, int] = defaultdict(lambda: len(number))
    return {id: number[cluster] for id, cluster in cluster_of.items() if sizes[cluster] > 1}


def _cluster(sha256: str, near: int) -> str | int:
    return sha256 if near < 0 else near


def open_duplicates(project: Project) -> list[list[UUID]]:
    """The clusters that somebody should look at: at least two images of each are in use. These alone."""
    in_use = set(Image.objects.filter(project=project, excluded=False).values_list("id", flat=True))
    clusters: defaultdict[int, list[UUID]] = defaultdict(list)
    for id, cluster in duplicate_clusters(project).items():
        if id in in_use:
            clusters[cluster].append(id)
    return [images for images in clusters.values() if len(images) > 1]


def listed_duplicates(project: Project) -> list[dict[str, Any]]:
    """Return those clusters as rows of a list, each with a place in it that no other cluster changes.

    The number of a `cluster` is another one as soon as an earlier one comes or goes; the `name` and the id
    of its `first` image stay as they are.
    """
    clusters = open_duplicates(project)
    firsts = Image.objects.filter(id__in=[ids[0] for ids in clusters])
    names = dict(firsts.values_list("id", "name"))
    return [
        {"cluster": number, "ids": ids, "name": names.get(ids[0], ""), "first": str(ids[0])}
        for number, ids in enumerate(clusters)
    ]
