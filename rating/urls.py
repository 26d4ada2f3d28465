from django.urls import path

from rating.views import dashboard, plan, ranking

urlpatterns = [
    path("projects/<uuid:project_id>/ranking/", ranking.ranking, name="ranking"),
    path("projects/<uuid:project_id>/dashboard/", dashboard.dashboard, name="dashboard"),
    path("projects/<uuid:project_id>/exports/", dashboard.exports, name="exports"),
    path(
        "projects/<uuid:project_id>/exports/<uuid:export_id>/push/",
        dashboard.push,
        name="push_export",
    ),
    path("projects/<uuid:project_id>/method/", plan.choose_method, name="choose_method"),
    path(
        "projects/<uuid:project_id>/people/<uuid:user_id>/set-aside/",
        plan.set_aside,
        name="set_aside",
    ),
    path(
        "projects/<uuid:project_id>/people/<uuid:user_id>/take-back/",
        plan.take_back,
        name="take_back",
    ),
]
