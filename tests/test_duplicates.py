"""The same picture twice, or nearly: found exactly, quickly, and without false alarms."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotation.duplicates import LARGEST_CLUSTER, MOST_BITS, bits_allowed, near_duplicates
from annotation.models import Image, Project
from annotation.selectors import duplicate_clusters
from annotation.services.images import add_image
from tests.conftest import picture

LOWEST, HIGHEST = -(2**63), 2**63 - 1
ANY_LOOK = st.integers(LOWEST, HIGHEST)
# A photograph's: about as many places darken as brighten.
PHOTO = 0x3C5A_96E1_0F4B_D287


def by_comparing_each_with_each(looks: list[int], most: int) -> list[set[int]]:
    """The clusters as their definition has them, one pair after another."""
    clusters = [{place} for place in range(len(looks))]
    allowed = bits_allowed(np.array(looks, np.int64), most).tolist()
    for one in range(len(looks)):
        for other in range(one):
            apart = ((looks[one] ^ looks[other]) % 2**64).bit_count()
            if apart <= min(allowed[one], allowed[other]):
                joined = clusters[one] | clusters[other]
                for place in joined:
                    clusters[place] = joined
    return [cluster if len(cluster) > 1 else set() for cluster in clusters]


def as_sets(labels: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(labels == label)) if label >= 0 else set() for label in labels]


@st.composite
def related_looks(draw: st.DrawFn) -> list[int]:
    """A few looks and others that differ from them in a few bits, in any order."""
    looks = draw(st.lists(ANY_LOOK | st.sampled_from([0, -1, 1, 0xFF, PHOTO]), max_size=6))
    for _ in range(draw(st.integers(0, 14)) if looks else 0):
        flipped = draw(st.sets(st.integers(0, 63), max_size=7))
        bits = draw(st.sampled_from(looks)) % 2**64
        for bit in flipped:
            bits ^= 1 << bit
        looks.append(bits - 2**64 if bits >= 2**63 else bits)
    return draw(st.permutations(looks))


@settings(max_examples=300, deadline=None)
@given(related_looks(), st.integers(0, 7))
def test_the_clusters_are_those_of_comparing_each_with_each(looks: list[int], most: int) -> None:
    found = near_duplicates(np.array(looks, np.int64), most)
    assert as_sets(found) == by_comparing_each_with_each(looks, most)
    in_order = list(dict.fromkeys(label for label in found.tolist() if label >= 0))
    assert in_order == list(range(len(in_order))), "numbered in the order of the looks"


@given(arrays(np.int64, st.integers(0, 30), elements=ANY_LOOK))
def test_a_look_that_is_there_twice_has_a_duplicate_unless_it_tells_nothing(looks) -> None:
    found = near_duplicates(np.concatenate([looks, looks]))
    assert np.array_equal(found >= 0, bits_allowed(np.concatenate([looks, looks]), MOST_BITS) >= 0)


def test_flat_pictures_are_no_duplicates_of_one_another() -> None:
    flat = np.array([0, 0, 0, -1, -1, 1, 1, 0b11, LOWEST], np.int64)
    assert near_duplicates(flat).tolist() == [-1] * 9


def test_pictures_of_little_on_an_empty_ground_must_be_closer_than_photographs() -> None:
    def apart(look: int, bits: int) -> bool:
        other = look ^ ((1 << bits) - 1) << 40
        return near_duplicates(np.array([look, other], np.int64)).tolist() == [0, 0]

    assert [apart(PHOTO, bits) for bits in (0, 3, 4, 5)] == [True, True, True, False]
    little = 0b1011_0110  # Five bits stand out.
    assert [apart(little, bits) for bits in (0, 1, 2)] == [True, True, False]


def looks_of(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)).sum(axis=1).view(np.int64)


def test_100_000_looks_take_seconds_and_not_hours() -> None:
    chance = np.random.default_rng(7)
    # As looks of photographs are: neighbouring bits are alike, so that many parts agree by chance.
    steps = chance.random((100_000, 8, 8)) + chance.normal(0, 0.4, (100_000, 8, 1))
    looks = looks_of((steps > 0.5).reshape(-1, 64))
    looks[50_000:50_500] = looks[:500] ^ 0b1001
    begun = time.perf_counter()
    found = near_duplicates(looks)
    assert time.perf_counter() - begun < 30
    assert (found[50_000:50_500] == found[:500]).mean() > 0.9
    assert (found[:500] >= 0).mean() > 0.9


def test_a_crowd_of_alike_pictures_is_not_one_picture() -> None:
    chance = np.random.default_rng(7)
    # Only sixteen bits are free: everything hangs together by pairs of nearly the same.
    free = np.zeros((8, 8))
    free[2:6, 2:6] = 0.5
    looks = looks_of((chance.random((8000, 8, 8)) < free).reshape(-1, 64))
    copied = np.concatenate([looks, looks])
    found = near_duplicates(copied)
    told = bits_allowed(looks, MOST_BITS) >= 0
    assert np.array_equal(found[:8000][told], found[8000:][told]), (
        "the same look is the same picture"
    )
    distinct = [len(np.unique(looks[found[:8000] == label])) for label in range(found.max() + 1)]
    assert max(distinct) <= LARGEST_CLUSTER


# --- In a project --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_projects_duplicates_are_found_by_bytes_and_by_look(project: Project) -> None:
    def add(name: str, shade: int, look: int | None) -> Image:
        image = add_image(project, picture(shade), name=name)
        Image.objects.filter(id=image.id).update(look=look)
        return image

    e, d = add("e.png", 1, PHOTO), add("d.png", 2, PHOTO ^ 0b101)
    flat, flat_too = add("c.png", 3, 0), add("f.png", 4, 0)
    unknown, same_bytes = add("b.png", 5, None), add("a.png", 5, None)
    far = add("g.png", 6, ~PHOTO)
    clusters = duplicate_clusters(project)
    assert list(clusters.items()) == [(same_bytes.id, 0), (unknown.id, 0), (d.id, 1), (e.id, 1)]
    assert not {flat.id, flat_too.id, far.id} & set(clusters)


@pytest.mark.django_db
def test_the_same_flat_bytes_are_one_picture_and_link_what_looks_like_one_of_them(
    project: Project,
) -> None:
    twin, other_twin, near = (
        add_image(project, picture(shade), name=f"{n}.png") for n, shade in enumerate((1, 1, 2))
    )
    # The look of one of the twins is not known yet.
    Image.objects.filter(id=twin.id).update(look=None)
    Image.objects.filter(id=other_twin.id).update(look=PHOTO)
    Image.objects.filter(id=near.id).update(look=PHOTO ^ 1)
    assert duplicate_clusters(project) == {twin.id: 0, other_twin.id: 0, near.id: 0}
