"""Nothing that people or programs send is without a limit, and what is over one is refused in words."""

import inspect
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import django_filters
import pytest
from django import forms
from django.apps import apps
from django.core.validators import MaxLengthValidator, MaxValueValidator
from django.db import models
from django.urls import NoReverseMatch, reverse
from rest_framework import serializers

import annotation.forms
from annotation import limits
from annotation.api import filters
from annotation.api.serializers.fields import MetadataField
from annotation.models import Image, Project, User
from rating.api.serializers import OptionsField
from tests.api import as_user, operations, url
from tests.pages import logged_in
from tests.test_api_access import OF_NO_PROJECT

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent
# Limited otherwise: by themselves, or by what checks what they hold.
OTHERWISE = (
    *(serializers.BooleanField, serializers.UUIDField, serializers.ChoiceField, MetadataField),
    *(OptionsField, serializers.DateTimeField, serializers.FloatField),
)
FORMS_OTHERWISE = (
    *(forms.BooleanField, forms.UUIDField, forms.ChoiceField, forms.ModelChoiceField),
    *(forms.FloatField, annotation.forms.TagsField),
)
# What an index holds beside its texts: some ids and numbers.
BESIDE = 104


def bodies() -> Iterator[tuple[str, Any]]:
    """The serializer of every body, as the operations of the API declare them."""
    for name, verb, method in operations():
        declared = getattr(method, "body", None)
        for body in declared.values() if isinstance(declared, dict) else [declared]:
            if body is not None:
                yield f"{name} {verb}", body() if inspect.isclass(body) else body


def unlimited(field: Any, path: str) -> Iterator[str]:
    if field.read_only:
        return
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        if getattr(field, "max_length", None) is None:
            yield path
        yield from unlimited(field.child, f"{path}[]")
    elif isinstance(field, serializers.Serializer):
        for name, inner in field.fields.items():
            yield from unlimited(inner, f"{path}.{name}")
    elif isinstance(field, serializers.IntegerField):
        if not (within(field, "max_value", MaxValueValidator)):
            yield path
    elif not isinstance(field, OTHERWISE) and not within(field, "max_length", MaxLengthValidator):
        yield path


def within(field: Any, name: str, validator: type[Any]) -> bool:
    most = [getattr(field, name, None)]
    most += [one.limit_value for one in field.validators if isinstance(one, validator)]
    return any(one is not None and one <= limits.BIG_NUMBER for one in most)


def test_every_field_of_every_body_has_a_limit() -> None:
    found = list(bodies())
    assert len(found) > 20
    assert [path for name, body in found for path in unlimited(body, name)] == []


def all_forms() -> Iterator[type[forms.BaseForm]]:
    for app in ("annotation", "rating"):
        for path in sorted((ROOT / app).rglob("*.py")):
            if path.parent.name in ("forms", "views"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                module = import_module(".".join(parts).removesuffix(".__init__"))
                for _, one in inspect.getmembers(module, inspect.isclass):
                    if issubclass(one, forms.BaseForm) and one.__module__ == module.__name__:
                        yield one


def test_every_field_of_every_form_has_a_limit() -> None:
    missing = []
    found = list(all_forms())
    assert len(found) > 15
    for form in found:
        own: Any = form
        fields = own().fields if issubclass(form, forms.ModelForm) else own.base_fields
        for name, field in fields.items():
            if issubclass(form, forms.ModelForm):
                # These it checks as the model does.
                field.validators += form._meta.model._meta.get_field(name).validators
            several = isinstance(field, forms.TypedMultipleChoiceField)
            if isinstance(field, forms.IntegerField) and not isinstance(field, forms.FloatField):
                limited = within(field, "max_value", MaxValueValidator)
            elif several or not isinstance(field, FORMS_OTHERWISE):
                limited = within(field, "max_length", MaxLengthValidator)
            else:
                limited = True
            if not limited:
                missing.append(f"{form.__name__}.{name}")
    assert missing == []


def test_every_filter_has_a_limit() -> None:
    for filterset in (filters.ComparisonFilter, filters.ImageFilter):
        for name, one in filterset.base_filters.items():
            if type(one) is django_filters.CharFilter:
                assert within(one.field, "max_length", MaxLengthValidator), name


def test_every_index_can_hold_the_longest_texts() -> None:
    """PostgreSQL refuses an entry of more than 2,704 bytes: what is stored could not be."""
    # Checked in bytes where they come in (annotation/imports).
    in_bytes = {"path": limits.INDEXED}
    too_large = []
    for model in apps.get_models():
        if model._meta.app_label not in ("annotation", "rating"):
            continue
        keys = [index.fields for index in model._meta.indexes]
        keys += [getattr(one, "fields", ()) for one in model._meta.constraints]
        concrete: list[Any] = list(model._meta.concrete_fields)
        keys += [[f.name] for f in concrete if f.db_index or f.unique]
        for names in keys:
            fields = [model._meta.get_field(name.lstrip("-")) for name in names]
            texts = [
                field for field in fields if isinstance(field, models.CharField | models.TextField)
            ]
            bytes = sum(in_bytes.get(one.name, 4 * (one.max_length or 10**6)) for one in texts)
            if bytes > 2704 - BESIDE:
                too_large.append(f"{model.__name__}: {', '.join(names)}")
    assert too_large == []


def test_the_table_of_limits_is_in_the_documents() -> None:
    told = (ROOT / "docs" / "limits.md").read_text()
    table = dict(re.findall(r"^\| ([^|]+) \| ([0-9,]+ \w+) \|$", told, re.MULTILINE))
    assert table == {what: f"{most:,} {of}" for what, (most, of) in limits.TABLE.items()}


SEARCHES = ["x" * (limits.SEARCH + 1), "x" * 60_000, "%" * 60_000, "ü" * 20_000]


@pytest.mark.parametrize("text", SEARCHES, ids=lambda text: f"{text[0]}{len(text)}")
def test_a_search_that_is_too_long_is_refused_in_words(
    project: Project, images: list[Image], alice: User, text: str
) -> None:
    client, nested = as_user(alice), {"project_id": project.id}
    for name in ("images", "prompts"):
        answer = client.get(url(name, **nested), {"search": text})
        assert answer.status_code == 400
        assert answer.json()["search"] == [
            f"It has {len(text)} characters; at most 500 are possible."
        ]
    everything = {"where": {"search": text}, "excluded": True}
    answer = client.post(url("images-bulk", **nested), everything)
    assert answer.status_code == 400
    assert "where.search" in answer.json()
    page = logged_in(alice)
    for name in ("project_images", "prompts"):
        shown = page.get(reverse(name, args=[project.id]), {"q": text})
        assert shown.status_code == 400
        assert "500" in shown.content.decode()
    # All that match such a search would be all that there are.
    change = {"action": "exclude", "everything": "on", "q": text}
    assert page.post(reverse("change_images", args=[project.id]), change).status_code == 400
    assert not Image.objects.filter(project=project, excluded=True).exists()


def test_the_longest_search_is_answered(project: Project, images: list[Image], alice: User) -> None:
    for text in ("x" * limits.SEARCH, "%" * limits.SEARCH, "\U0001f600" * limits.SEARCH):
        answer = as_user(alice).get(url("images", project_id=project.id), {"search": text})
        assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_every_parameter_that_is_too_long_is_refused(
    project: Project, images: list[Image], alice: User
) -> None:
    client = as_user(alice)
    tried = 0
    for name, verb, method in operations():
        if verb != "get" or name in ("api-docs", "api-schema", "api-client"):
            continue
        ids = {"project_id": project.id} if name not in OF_NO_PROJECT else {}
        with suppress(NoReverseMatch):  # those of another noun
            tried += refused_parameters(client, url(name.removeprefix("api-"), **ids), method)
    assert tried > 30


def refused_parameters(client: Any, where: str, method: Any) -> int:
    """How many of the operation's parameters were sent too long, and refused."""
    for parameter, longest in method.parameters.items():
        answer = client.get(where, {parameter: "9" * (longest + 1)})
        assert answer.status_code == 400, (where, parameter)
        assert parameter in answer.json()
    return len(method.parameters)


def test_an_address_that_is_too_long_is_refused(alice: User) -> None:
    query = {"x": "y" * (limits.URL + 1)}
    answer = as_user(alice).get(url("projects"), query)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])
    page = logged_in(alice).get(reverse("projects"), query)
    assert page.status_code == 400
    assert "The address is longer" in page.content.decode()


def test_metadata_is_limited_too(project: Project, images: list[Image], alice: User) -> None:
    where = url("image", image_id=images[0].id)
    client = as_user(alice)
    assert client.patch(where, {"metadata": {"a": "x" * 99_000}}).status_code == 200
    answer = client.patch(where, {"metadata": {"a": "x" * 100_000}})
    assert answer.status_code == 400
    assert "100000" in answer.json()["metadata"][0]
