"""Django's admin: to look at everything, and to change what no service would refuse to change.

The log and what leads to it are read-only here too.
"""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Model
from django.http import HttpRequest
from knox import admin as knox_admin  # noqa: F401 - registers what is taken back here
from knox.models import AuthToken

from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    Decision,
    Delivery,
    Example,
    Flag,
    Folder,
    Image,
    Import,
    ImportedFile,
    ImportRefusal,
    Invitation,
    Lineup,
    LineupImage,
    Membership,
    Pair,
    PracticeAnswer,
    Project,
    Prompt,
    Proposal,
    Token,
    User,
    Webhook,
)
from annotation.services.images import update_image
from annotation.services.revision import raise_revision

admin.site.site_header = admin.site.site_title = "Pairwright"
# The same throttle as the login page's.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Its page made a token of anybody, by a session alone.
admin.site.unregister(AuthToken)


class ReadOnlyAdmin(admin.ModelAdmin):
    """To be looked at: neither added, changed nor deleted by hand."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class KeptAdmin(admin.ModelAdmin):
    """Part of a project's history: changed perhaps, but never deleted by hand."""

    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People are deactivated, not deleted: their comparisons stay."""

    list_display = ("username", "former_name", "email", "is_staff", "is_active")
    search_fields = ("username", "former_name", "first_name", "last_name", "email")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser gives rights away; staff could otherwise give them to themselves."""
        fields = super().get_readonly_fields(request, obj)
        if request.user.is_superuser:
            return fields
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nor may staff set a superuser's password."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)


class CriterionInline(admin.TabularInline):
    model = Criterion
    extra = 0
    readonly_fields = ("key",)
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(KeptAdmin):
    list_display = ("name", "state", "strategy", "overlap", "revision", "created_at", "deleted_at")
    list_filter = ("state", "strategy", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "id")
    readonly_fields = ("id", "revision", "created_at", "deleted_at")
    inlines = (CriterionInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A project needs a manager and a criterion, which its own page gives it.

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        raise_revision(form.instance.id)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role", "project")
    search_fields = ("user__username", "project__name")
    autocomplete_fields = ("user", "project")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = (
        "project",
        "role",
        "note",
        "created_by",
        "expires_at",
        "accepted_by",
        "revoked_at",
    )
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter), "project")
    search_fields = ("project__name", "note", "accepted_by__username")
    exclude = ("token_digest",)


@admin.register(Prompt)
class PromptAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "project")
    list_filter = ("project",)
    search_fields = ("text", "id")


@admin.register(Criterion)
class CriterionAdmin(ReadOnlyAdmin):
    list_display = ("key", "question", "project", "position")
    list_filter = ("project",)
    search_fields = ("key", "question", "project__name")


@admin.register(Example)
class ExampleAdmin(ReadOnlyAdmin):
    list_display = ("better", "worse", "criterion", "practice", "position", "project")
    list_filter = ("project", "practice")
    search_fields = ("better__name", "worse__name", "explanation")
    list_select_related = ("better", "worse", "criterion", "project")


@admin.register(PracticeAnswer)
class PracticeAnswerAdmin(ReadOnlyAdmin):
    list_display = ("membership", "example", "round", "right", "created_at")
    list_filter = ("right", "membership__project")
    search_fields = ("membership__user__username",)
    list_select_related = ("membership__user", "membership__project", "example")


@admin.register(Folder)
class FolderAdmin(ReadOnlyAdmin):
    list_display = ("path", "project", "created_at")
    list_filter = ("project",)
    search_fields = ("path", "project__name")


@admin.register(Image)
class ImageAdmin(KeptAdmin):
    list_display = (
        "name",
        "project",
        "prompt",
        "model",
        "width",
        "height",
        "excluded",
        "created_at",
    )
    list_filter = ("excluded", "project", "model")
    search_fields = ("name", "id", "sha256", "prompt__text")
    list_select_related = ("project", "prompt")
    fields = (
        ("name", "model"),
        "metadata",
        ("excluded", "excluded_reason"),
        ("project", "prompt"),
        ("folder", "path"),
        ("width", "height", "bytes"),
        ("sha256", "created_at"),
    )
    readonly_fields = (
        *("project", "prompt", "folder", "path"),
        *("width", "height", "bytes", "sha256", "created_at"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Image, form: Any, change: bool) -> None:
        update_image(
            obj,
            excluded=obj.excluded,
            reason=obj.excluded_reason,
            name=obj.name,
            model=obj.model,
            metadata=obj.metadata,
        )


@admin.register(Pair)
class PairAdmin(ReadOnlyAdmin):
    list_display = ("low", "high", "criterion", "taken", "project")
    list_filter = ("project", "taken")
    search_fields = ("low__name", "high__name")
    list_select_related = ("low", "high", "criterion", "project")


@admin.register(Lineup)
class LineupAdmin(ReadOnlyAdmin):
    list_display = ("id", "criterion", "taken", "project")
    list_filter = ("project", "taken")
    search_fields = ("members__image__name",)
    list_select_related = ("criterion", "project")


@admin.register(LineupImage)
class LineupImageAdmin(ReadOnlyAdmin):
    list_display = ("lineup", "image")
    list_filter = ("lineup__project",)
    search_fields = ("image__name",)
    list_select_related = ("lineup", "image")


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    list_display = ("id", "screen", "criterion", "low", "high", "strategy", "position", "project")
    list_filter = ("project", "screen", "strategy")
    search_fields = ("low__name", "high__name")
    list_select_related = ("criterion", "low", "high", "project")


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = (
        "annotator",
        "screen",
        "left",
        "right",
        "state",
        "strategy",
        "purpose",
        "created_at",
        "expires_at",
    )
    list_filter = ("state", "screen", "purpose", "strategy", "project")
    search_fields = ("id", "annotator__username", "left__name", "right__name")
    list_select_related = ("annotator", "left", "right")
    date_hierarchy = "created_at"


@admin.register(Comparison)
class ComparisonAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "annotator",
        "screen",
        "left",
        "outcome",
        "right",
        "purpose",
        "project",
        "retracted_at",
    )
    list_filter = (
        "outcome",
        "screen",
        "purpose",
        ("retracted_at", admin.EmptyFieldListFilter),
        "project",
        "criterion__key",
    )
    search_fields = ("id", "annotator__username", "left__name", "right__name", "reason")
    list_select_related = ("annotator", "left", "right", "project")
    date_hierarchy = "created_at"


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "annotator", "signal", "level", "summary", "decision", "project")
    list_filter = ("signal", "level", "decision", "project")
    search_fields = ("annotator__username", "summary")
    list_select_related = ("annotator", "project")


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "annotator", "kind", "decided_by", "reason", "project")
    list_filter = ("kind", "project")
    search_fields = ("annotator__username", "reason")
    list_select_related = ("annotator", "decided_by", "project")


@admin.register(AuthToken)
class AuthTokenAdmin(ReadOnlyAdmin):
    """Whoever may delete tokens ends them here; they are made by their own person, with the password."""

    list_display = ("user", "created", "expiry")
    search_fields = ("user__username",)
    list_select_related = ("user",)
    fields = ("user", "created", "expiry")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "person", "scopes", "last_used_at")
    search_fields = ("name", "key__user__username")
    list_select_related = ("key__user",)
    fields = ("name", "person", "scopes", "last_used_at")

    def person(self, token: Token) -> str:
        return str(token.key.user)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("url", "project", "active", "given_up_at", "created_by", "created_at")
    list_filter = ("active", "project")
    search_fields = ("url", "project__name")
    list_select_related = ("project", "created_by")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "webhook", "state", "attempts", "last_status", "created_at")
    list_filter = ("event", "webhook__project")
    search_fields = ("id", "webhook__url")
    list_select_related = ("webhook",)


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ("source", "project", "status", "added", "known", "refused", "created_at")
    list_filter = ("source", "status", "project")
    search_fields = ("id", "project__name", "error")
    list_select_related = ("project",)


@admin.register(ImportedFile)
class ImportedFileAdmin(ReadOnlyAdmin):
    list_display = ("criterion", "annotator", "rows", "created_at")
    search_fields = ("annotator__username", "digest")
    list_select_related = ("criterion", "annotator")


@admin.register(ImportRefusal)
class ImportRefusalAdmin(ReadOnlyAdmin):
    list_display = ("place", "reason", "of")
    list_filter = ("of__source",)
    search_fields = ("place", "reason")
    list_select_related = ("of__project",)
