import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from annotation.names import KEY_LENGTH, look_alike, mixes_alphabets, name_key


class NameKeyField(models.CharField):
    """Keep the key of the name: it is written with each row, in bulk too, and never by hand."""

    def pre_save(self, user: models.Model, add: bool) -> str:
        key = name_key(user.username)  # type: ignore[attr-defined]
        setattr(user, self.attname, key)
        return key


class People(UserManager["User"]):
    def called(self, name: str) -> models.QuerySet["User"]:
        """Find the person with this name, however it is spelled: at most one."""
        return self.filter(name_key=name_key(name))

    def _create_user(self, *args: Any, **kwargs: Any) -> "User":
        """Refuse, as the pages do, a name that is somebody else's or looks like it (createsuperuser)."""
        user: User = self._create_user_object(*args, **kwargs)  # type: ignore[attr-defined]
        user.clean()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.called(username or "").get()


class User(AbstractUser):
    """A person who logs in. What they may do in a project is their Membership's role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Names are compared by their key alone: no two people have one (annotation.names).
    name_key = NameKeyField(max_length=KEY_LENGTH, unique=True, editable=False)
    former_name = models.CharField(
        max_length=150,
        blank=True,
        db_default="",
        default="",
        editable=False,
        help_text="The name before an upgrade, if somebody else had the same in another spelling.",
    )
    keys = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The person's own keys where images are judged, as annotation.keys has them.",
    )

    objects: ClassVar[People] = People()

    def save(self, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        if fields is not None and "username" in fields:
            kwargs["update_fields"] = {*fields, "name_key"}
        super().save(**kwargs)

    def clean(self) -> None:
        """Refuse a name that is somebody else's, or looks like it. One that is kept is not looked at."""
        super().clean()
        before = User.objects.filter(pk=self.pk).values_list("username", flat=True).first()
        if self.username and self.username != before:
            refuse_name(self.username, User.objects.exclude(pk=self.pk))


def refuse_name(name: str, others: models.QuerySet[User]) -> None:
    """Raise ValidationError if somebody else has the name, or one that looks like it."""
    if mixes_alphabets(name):
        raise ValidationError(
            {"username": _("This name mixes letters of several alphabets. Use one alphabet.")}
        )
    if others.filter(name_key=name_key(name)).exists():
        raise ValidationError({"username": _("This name is taken. Choose another.")})
    if any(look_alike(name, other) for other in others.values_list("username", flat=True)):
        raise ValidationError(
            {"username": _("This name looks like somebody else’s. Choose another.")}
        )
