from argparse import ArgumentParser
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from annotation.accounts import entry_key
from annotation.models import User


def login_link(user: User) -> str:
    return urljoin(settings.PUBLIC_URL, reverse("enter", args=entry_key(user)))


class Command(BaseCommand):
    help = "Print a link that logs a person in once; it ends with their next login, or after a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.called(username).filter(is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person called “{username}”.")
        self.stdout.write(login_link(user))
