from django.urls import path

from annotation.api.views import (
    assignments,
    comparisons,
    docs,
    examples,
    images,
    imports,
    members,
    progress,
    projects,
    prompts,
    tokens,
    webhooks,
)

PROJECT = "projects/<uuid:project_id>/"

urlpatterns = [
    path("token/", tokens.TokenView.as_view(), name="api-token"),
    path("tokens/", tokens.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>/", tokens.TokenEndView.as_view(), name="api-token-end"),
    path("projects/", projects.ProjectsView.as_view(), name="api-projects"),
    path(PROJECT, projects.ProjectView.as_view(), name="api-project"),
    path(f"{PROJECT}members/", members.MembersView.as_view(), name="api-members"),
    path(
        f"{PROJECT}members/<uuid:user_id>/",
        members.MemberView.as_view(),
        name="api-member",
    ),
    path(f"{PROJECT}invitations/", members.InvitationsView.as_view(), name="api-invitations"),
    path(
        f"{PROJECT}invitations/<uuid:invitation_id>/",
        members.InvitationView.as_view(),
        name="api-invitation",
    ),
    path(f"{PROJECT}images/", images.ImagesView.as_view(), name="api-images"),
    path(f"{PROJECT}images/bulk/", images.BulkView.as_view(), name="api-images-bulk"),
    path(f"{PROJECT}duplicates/", images.DuplicatesView.as_view(), name="api-duplicates"),
    path(f"{PROJECT}prompts/", prompts.PromptsView.as_view(), name="api-prompts"),
    path(f"{PROJECT}prompts/<uuid:prompt_id>/", prompts.PromptView.as_view(), name="api-prompt"),
    path("images/<uuid:image_id>/", images.ImageView.as_view(), name="api-image"),
    path(f"{PROJECT}examples/", examples.ExamplesView.as_view(), name="api-examples"),
    path("examples/<uuid:example_id>/", examples.ExampleView.as_view(), name="api-example"),
    path(f"{PROJECT}imports/", imports.ImportsView.as_view(), name="api-imports"),
    path("imports/<uuid:import_id>/", imports.ImportView.as_view(), name="api-import"),
    path(
        "imports/<uuid:import_id>/refusals/",
        imports.ImportRefusalsView.as_view(),
        name="api-import-refusals",
    ),
    path(f"{PROJECT}assignments/", assignments.AssignmentsView.as_view(), name="api-assignments"),
    path("comparisons/", comparisons.ComparisonsView.as_view(), name="api-comparisons"),
    path(
        "comparisons/<uuid:comparison_id>/",
        comparisons.ComparisonView.as_view(),
        name="api-comparison",
    ),
    path(f"{PROJECT}comparisons/", comparisons.LogView.as_view(), name="api-log"),
    path(f"{PROJECT}history/", comparisons.HistoryView.as_view(), name="api-history"),
    path(f"{PROJECT}progress/", progress.ProgressView.as_view(), name="api-progress"),
    path(f"{PROJECT}webhooks/", webhooks.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>/", webhooks.WebhookView.as_view(), name="api-webhook"),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.TestView.as_view(), name="api-webhook-test"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/",
        webhooks.DeliveriesView.as_view(),
        name="api-deliveries",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<str:delivery_id>/redeliver/",
        webhooks.RedeliverView.as_view(),
        name="api-redeliver",
    ),
    path("client.py", docs.ClientView.as_view(), name="api-client"),
    path("schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("docs/", docs.DocsView.as_view(), name="api-docs"),
]
