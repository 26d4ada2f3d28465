from django.urls import path

from annotation.api.urls import PROJECT
from rating.api import (
    accuracy,
    agreement,
    annotators,
    exports,
    flags,
    probabilities,
    ratings,
    streams,
)

urlpatterns = [
    path(f"{PROJECT}accuracy/", accuracy.AccuracyView.as_view(), name="api-accuracy"),
    path(f"{PROJECT}agreement/", agreement.AgreementView.as_view(), name="api-agreement"),
    path(f"{PROJECT}annotators/", annotators.AnnotatorsView.as_view(), name="api-annotators"),
    path(
        f"{PROJECT}annotators/<uuid:user_id>/",
        annotators.AnnotatorView.as_view(),
        name="api-annotator",
    ),
    path(f"{PROJECT}flags/", flags.FlagsView.as_view(), name="api-flags"),
    path(f"{PROJECT}flags/<uuid:flag_id>/", flags.FlagView.as_view(), name="api-flag"),
    path(f"{PROJECT}decisions/", flags.DecisionsView.as_view(), name="api-decisions"),
    path(f"{PROJECT}ratings/", ratings.RatingsView.as_view(), name="api-ratings"),
    path(
        f"{PROJECT}probabilities/",
        probabilities.ProbabilitiesView.as_view(),
        name="api-probabilities",
    ),
    path(f"{PROJECT}runs/", ratings.RunsView.as_view(), name="api-runs"),
    path(f"{PROJECT}recompute/", ratings.RecomputeView.as_view(), name="api-recompute"),
    path(f"{PROJECT}exports/", exports.ExportsView.as_view(), name="api-exports"),
    path(f"{PROJECT}exports/stream/", streams.StreamView.as_view(), name="api-export-stream"),
    path("exports/<uuid:export_id>/", exports.ExportView.as_view(), name="api-export"),
    path(
        "exports/<uuid:export_id>/download/",
        exports.DownloadView.as_view(),
        name="api-export-download",
    ),
    path("exports/<uuid:export_id>/card/", exports.CardView.as_view(), name="api-export-card"),
    path("exports/<uuid:export_id>/push/", exports.PushesView.as_view(), name="api-export-push"),
]
