from django.urls import path

from rating.views import dashboard, ranking

urlpatterns = [
    path("projects/<uuid:project_id>/ranking/", ranking.ranking, name="ranking"),
    path("projects/<uuid:project_id>/dashboard/", dashboard.dashboard, name="dashboard"),
    path("projects/<uuid:project_id>/exports/", dashboard.exports, name="exports"),
]
