from django.urls import path

from rating.views import dashboard, plan, ranking, trust

urlpatterns = [
    path("projects/<uuid:project_id>/ranking/", ranking.ranking, name="ranking"),
    path("projects/<uuid:project_id>/dashboard/", dashboard.dashboard, name="dashboard"),
    path("projects/<uuid:project_id>/exports/", dashboard.exports, name="exports"),
    path(
        "projects/<uuid:project_id>/exports/<uuid:export_id>/push/",
        dashboard.push,
        name="push_export",
    ),
    path(
        "projects/<uuid:project_id>/exports/<uuid:export_id>/delete/",
        dashboard.delete_export,
        name="delete_export",
    ),
    path("projects/<uuid:project_id>/method/", plan.choose_method, name="choose_method"),
    path(
        "projects/<uuid:project_id>/people/<uuid:user_id>/pause/",
        trust.pause,
        name="pause_person",
    ),
    path(
        "projects/<uuid:project_id>/people/<uuid:user_id>/resume/",
        trust.resume,
        name="resume_person",
    ),
    path(
        "projects/<uuid:project_id>/flags/<uuid:flag_id>/dismiss/",
        trust.dismiss,
        name="dismiss_flag",
    ),
    path(
        "projects/<uuid:project_id>/flags/<uuid:flag_id>/reopen/",
        trust.reopen,
        name="reopen_flag",
    ),
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
