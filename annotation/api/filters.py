from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import FilterSet
from rest_framework.exceptions import ValidationError

from annotation import limits
from annotation.errors import Invalid
from annotation.models import Comparison, Image, Project, Purpose, Screen
from annotation.names import name_key
from annotation.selectors import criterion_named, images_of

# Times that every database and time zone can hold.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class ComparisonFilter(FilterSet):
    criterion = django_filters.CharFilter(method="of_criterion", max_length=limits.PARAMETER)
    annotator = django_filters.CharFilter(method="by_annotator", max_length=limits.PARAMETER)
    since = django_filters.IsoDateTimeFilter(method="since_time")
    retracted = django_filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false")], method="if_retracted"
    )
    screen = django_filters.ChoiceFilter(choices=Screen.choices)
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)

    @classmethod
    def cut(
        cls, log: QuerySet[Comparison], parameters: Any, project: Project
    ) -> QuerySet[Comparison]:
        """The part of the project's log that the query's parameters name."""
        filters = cls(parameters, log)
        filters.project = project
        if not filters.is_valid():
            raise ValidationError(filters.errors)
        found: QuerySet[Comparison] = filters.qs
        return found

    def of_criterion(self, log: QuerySet[Comparison], name: str, key: str) -> QuerySet[Comparison]:
        return log.filter(criterion=criterion_named(self.project, key))

    def by_annotator(self, log: QuerySet[Comparison], name: str, who: str) -> QuerySet[Comparison]:
        try:
            return log.filter(annotator=UUID(who))
        except ValueError:
            return log.filter(annotator__name_key=name_key(who))

    def since_time(
        self, log: QuerySet[Comparison], name: str, time: datetime
    ) -> QuerySet[Comparison]:
        if not EARLIEST <= time <= LATEST:
            raise Invalid(f"Use a time from {EARLIEST.year} to {LATEST.year}.", "since")
        return log.filter(created_at__gte=time)

    def if_retracted(
        self, log: QuerySet[Comparison], name: str, wanted: str
    ) -> QuerySet[Comparison]:
        return log.filter(retracted_at__isnull=wanted == "false")


class ImageFilter(FilterSet):
    search = django_filters.CharFilter(max_length=limits.SEARCH)
    excluded = django_filters.ChoiceFilter(choices=[("true", "true"), ("false", "false")])
    prompt = django_filters.UUIDFilter()
    sha256 = django_filters.CharFilter(max_length=limits.PARAMETER)
    reported = django_filters.ChoiceFilter(choices=[("true", "true")])

    @classmethod
    def cut(cls, project: Project, parameters: Any) -> QuerySet[Image]:
        """The project's images that the query's parameters name."""
        filters = cls(parameters, Image.objects.none())
        if not filters.is_valid():
            raise ValidationError(filters.errors)
        wanted = {name: value for name, value in filters.form.cleaned_data.items() if value}
        if "excluded" in wanted:
            wanted["excluded"] = wanted["excluded"] == "true"
        if "reported" in wanted:
            wanted["reported"] = True
        return images_of(project, **wanted)
