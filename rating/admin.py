from django.contrib import admin

from annotation.admin import ReadOnlyAdmin
from rating.models import (
    AnnotatorReliability,
    Closing,
    Export,
    HubPush,
    Rating,
    RatingPlan,
    RatingRun,
    RunAccuracy,
    SetAside,
)


@admin.register(RatingRun)
class RatingRunAdmin(ReadOnlyAdmin):
    list_display = ("project", "method", "revision", "comparisons", "seconds", "finished_at")
    list_filter = ("method", "project")
    search_fields = ("id", "fingerprint", "project__name")
    list_select_related = ("project",)


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("rank", "image", "criterion", "mu", "sigma", "comparisons", "run")
    list_filter = ("run__project", "criterion__key")
    search_fields = ("image__name", "run__id")
    list_select_related = ("image", "criterion", "run__project")


@admin.register(AnnotatorReliability)
class AnnotatorReliabilityAdmin(ReadOnlyAdmin):
    list_display = ("annotator", "comparisons", "sharpness", "side_bias", "spammer", "run")
    list_filter = ("run__project",)
    search_fields = ("annotator__username", "run__id")
    list_select_related = ("annotator", "run__project")


@admin.register(RunAccuracy)
class RunAccuracyAdmin(ReadOnlyAdmin):
    list_display = ("run", "criterion", "tau", "tau_low", "tau_high", "k", "top", "target")
    list_filter = ("run__project", "criterion__key")
    search_fields = ("run__id",)
    list_select_related = ("criterion", "run__project")


@admin.register(Closing)
class ClosingAdmin(ReadOnlyAdmin):
    list_display = ("project", "why", "created_at")
    list_filter = ("project",)
    search_fields = ("project__name", "why")


@admin.register(RatingPlan)
class RatingPlanAdmin(ReadOnlyAdmin):
    list_display = ("project", "method")
    list_filter = ("method",)
    search_fields = ("project__name",)


@admin.register(SetAside)
class SetAsideAdmin(ReadOnlyAdmin):
    list_display = ("annotator", "project", "reason", "created_by", "created_at")
    list_filter = ("project",)
    search_fields = ("annotator__username", "project__name", "reason")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("format", "project", "status", "rows", "bytes", "created_by", "created_at")
    list_filter = ("status", "format", "project")
    search_fields = ("id", "sha256", "project__name", "created_by__username")
    list_select_related = ("project", "created_by")


@admin.register(HubPush)
class HubPushAdmin(ReadOnlyAdmin):
    list_display = ("repository", "export", "status", "created_by", "created_at")
    list_filter = ("status",)
    search_fields = ("repository", "commit", "created_by__username")
    list_select_related = ("export__project", "created_by")
