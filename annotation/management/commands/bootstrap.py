import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from annotation import log_guard
from annotation.errors import Refused
from annotation.imports.folder import Report, import_folder
from annotation.management.commands.login_link import login_link
from annotation.models import Project, User
from annotation.names import name_key
from annotation.services.projects import create_project

REFUSED_SHOWN = 10


class Command(BaseCommand):
    help = (
        "Prepare the database, the person `admin`, and a project: of a folder's pictures, or a demo if "
        "there is none yet. Safe to repeat. The only line on standard output is the way in."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--images", type=Path, help="a folder; its pictures stay where they are"
        )

    def handle(self, *args: Any, images: Path | None, **options: Any) -> None:
        self._prepare_database()
        admin = self._admin()
        try:
            if images is not None:
                self._import(admin, images)
            elif not Project.objects.exists():
                # Only here, because a painter takes a while to load.
                from annotation.demo import create_demo_project

                project = create_demo_project(admin)
                self._say(
                    f"Made the demo project “{project}” with {project.images.count()} pictures."
                )
        except Refused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(self._way_in(admin))

    def _prepare_database(self) -> None:
        """Migrate where something is missing; a deployment's own role may not, and then need not."""
        executor = MigrationExecutor(connection)
        if (
            executor.migration_plan(executor.loader.graph.leaf_nodes())
            or not log_guard.is_installed()
        ):
            try:
                call_command("migrate", interactive=False, verbosity=0)
            except ProgrammingError as error:
                raise CommandError(
                    f"The database is out of date, and this role may not change it ({str(error).strip()}): "
                    "run `manage.py migrate` as the owner of the tables, as `docker compose up` does."
                ) from None
        call_command("createcachetable", verbosity=0)

    def _admin(self) -> User:
        admin, _ = User.objects.get_or_create(
            name_key=name_key("admin"),
            defaults={"username": "admin", "is_staff": True, "is_superuser": True},
        )
        password = os.environ.get("ADMIN_PASSWORD", "")
        if password and not admin.check_password(password):
            try:
                validate_password(password, admin)
            except ValidationError as error:
                raise CommandError(
                    f"ADMIN_PASSWORD cannot be used: {' '.join(error.messages)}"
                ) from None
            admin.set_password(password)
            admin.save(update_fields=["password"])
        elif not admin.password:
            admin.set_unusable_password()
            admin.save(update_fields=["password"])
        return admin

    def _way_in(self, admin: User) -> str:
        if os.environ.get("ADMIN_PASSWORD"):
            return "Log in as admin with your ADMIN_PASSWORD."
        return f"Log in once, as admin: {login_link(admin)}"

    def _import(self, admin: User, folder: Path) -> None:
        root = folder.expanduser().resolve()
        project = Project.objects.filter(folders__path=str(root), deleted_at=None).first()
        if project is None:
            if not root.is_dir():
                raise CommandError(f"There is no folder {root}.")
            project = create_project(admin, name=root.name or "Images", state=Project.State.OPEN)
        report = import_folder(project, root, self._on_progress)
        self._say(
            f"“{project}”: {report.added} new pictures of {root}, {report.known} known, "
            + (f"{report.changed} changed, " if report.changed else "")
            + f"{len(report.refused)} refused."
        )
        for name, reason in report.refused[:REFUSED_SHOWN]:
            self._say(f"  refused {name}: {reason}")
        if len(report.refused) > REFUSED_SHOWN:
            self._say(f"  … and {len(report.refused) - REFUSED_SHOWN} more")
        if project.images.count() < 2:
            self._say(
                f"There are fewer than two pictures in {root}: there is nothing to compare yet."
            )

    def _on_progress(self, report: Report) -> None:
        if report.seen >= 1000:
            self._say(f"  {report.seen} pictures read")

    def _say(self, line: str) -> None:
        self.stderr.write(line)
