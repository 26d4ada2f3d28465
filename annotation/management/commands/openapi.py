import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator


def document() -> str:
    """The OpenAPI document of this version, as it is committed."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    help = "Write the API's OpenAPI document anew, after a change of the API (docs/openapi.json)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-o", "--output", type=Path, default=settings.BASE_DIR / "docs" / "openapi.json"
        )

    def handle(self, *args: Any, output: Path, **options: Any) -> None:
        output.write_text(document())
        self.stdout.write(f"{output} is written.")
