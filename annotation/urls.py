from allauth.account import views as allauth
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from annotation.views import (
    accounts,
    compare,
    duplicates,
    examples,
    history,
    home_screen,
    images,
    imports,
    introduction,
    invitations,
    keys,
    members,
    projects,
    prompts,
    tokens,
    webhooks,
)

# Only what is needed of allauth: there is no page to register, and none for e-mail.
urlpatterns = [
    path("login/", accounts.login, name="account_login"),
    path("logout/", require_POST(allauth.logout), name="account_logout"),
    path("inactive/", require_safe(allauth.account_inactive), name="account_inactive"),
    path("password/", accounts.change_password, name="account_change_password"),
    path("password/set/", accounts.set_password, name="account_set_password"),
    path("keys/", keys.keys, name="keys"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", tokens.revoke, name="revoke_token"),
    path("enter/<str:encoded>/<str:token>/", accounts.enter, name="enter"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("manifest.webmanifest", home_screen.manifest, name="manifest"),
    path("icons/<str:kind>/<int:size>/", home_screen.icon, name="icon"),
    path("", projects.projects, name="projects"),
    path("projects/new/", projects.new_project, name="new_project"),
    path("projects/<uuid:project_id>/compare/", compare.compare, name="compare"),
    path(
        "projects/<uuid:project_id>/introduction/", introduction.introduction, name="introduction"
    ),
    path(
        "projects/<uuid:project_id>/introduction/practice/", introduction.practice, name="practise"
    ),
    path(
        "projects/<uuid:project_id>/introduction/start/",
        introduction.start,
        name="start_comparing",
    ),
    path("projects/<uuid:project_id>/history/", history.history, name="history"),
    path(
        "projects/<uuid:project_id>/history/<uuid:comparison_id>/undo/",
        history.undo,
        name="undo_comparison",
    ),
    path("projects/<uuid:project_id>/settings/", projects.settings, name="project_settings"),
    path("projects/<uuid:project_id>/state/", projects.state, name="project_state"),
    path("projects/<uuid:project_id>/images/", images.gallery, name="project_images"),
    path("projects/<uuid:project_id>/images/add/", images.upload, name="upload_images"),
    path("projects/<uuid:project_id>/images/change/", images.change_many, name="change_images"),
    path("projects/<uuid:project_id>/prompts/", prompts.prompts, name="prompts"),
    path(
        "projects/<uuid:project_id>/prompts/<uuid:prompt_id>/rename/",
        prompts.rename,
        name="rename_prompt",
    ),
    path("projects/<uuid:project_id>/duplicates/", duplicates.duplicates, name="duplicates"),
    path("projects/<uuid:project_id>/imports/", imports.imports, name="imports"),
    path("projects/<uuid:project_id>/imports/list/", imports.import_list, name="import_list"),
    path("projects/<uuid:project_id>/examples/", examples.examples, name="examples"),
    path("examples/<uuid:example_id>/", examples.change, name="change_example"),
    path("examples/<uuid:example_id>/move/", examples.move, name="move_example"),
    path("examples/<uuid:example_id>/delete/", examples.delete, name="delete_example"),
    path("images/<uuid:image_id>/reference/", images.set_reference, name="set_reference"),
    path("images/<uuid:image_id>/keep/", duplicates.keep, name="keep_image"),
    path("images/<uuid:image_id>/prompt/", images.change_prompt, name="change_prompt"),
    path("images/<uuid:image_id>/", images.image, name="image"),
    path("images/<uuid:image_id>/exclude/", images.exclude, name="exclude_image"),
    path("projects/<uuid:project_id>/members/", members.members, name="members"),
    path("projects/<uuid:project_id>/members/add/", members.add, name="add_member"),
    path(
        "projects/<uuid:project_id>/members/<uuid:user_id>/role/",
        members.change_role,
        name="change_role",
    ),
    path(
        "projects/<uuid:project_id>/members/<uuid:user_id>/remove/",
        members.remove,
        name="remove_member",
    ),
    path("projects/<uuid:project_id>/invitations/", members.invite, name="invite"),
    path(
        "projects/<uuid:project_id>/invitations/<uuid:invitation_id>/revoke/",
        members.revoke,
        name="revoke_invitation",
    ),
    path("projects/<uuid:project_id>/webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/active/", webhooks.switch, name="switch_webhook"),
    path("webhooks/<uuid:webhook_id>/delete/", webhooks.delete, name="delete_webhook"),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.test, name="test_webhook"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<str:delivery_id>/redeliver/",
        webhooks.redeliver,
        name="redeliver",
    ),
]
