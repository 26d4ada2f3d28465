"""The OpenAPI document: complete, valid, and a page to read it on."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.drainage import reset_generator_stats
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from annotation.management.commands.openapi import document
from annotation.models import User
from tests.access import PAGES_OF_API, is_api, read_table
from tests.api import as_user, url

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(bob: User) -> Any:
    answer = as_user(bob).get(url("schema"))
    assert answer["Content-Type"].startswith("application/json")
    return json.loads(answer.content)


def test_the_document_is_made_without_a_warning_and_is_valid(db: None) -> None:
    reset_generator_stats()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=StringIO())


def test_every_operation_is_described_with_what_it_refuses(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    offered = [
        name
        for name, method in read_table()
        if is_api(name) and name not in PAGES_OF_API and method != "HEAD"
    ]
    assert len(operations) == len(offered) - 1, "all but the document itself"
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)
    for path, method, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        refused = {status for status in operation["responses"] if status >= "4"}
        assert "401" in refused or path.endswith(("/token/", "/client.py")), path
        assert "404" in refused or "{" not in path, path
        if method in ("post", "patch") and "requestBody" in operation:
            assert {"400", "415"} <= refused, path


def test_the_committed_document_is_that_of_the_code() -> None:
    committed = (ROOT / "docs" / "openapi.json").read_text()
    assert committed == document(), "renew it: python manage.py openapi"


def test_every_body_and_every_answer_has_an_example_that_fits(schema: Any) -> None:
    """Every refusal, too. A field that no example knows is one of annotation.api.examples.WORDS to be."""
    missing, wrong = [], []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            contents = [operation.get("requestBody", {}).get("content", {})]
            for status, answer in operation["responses"].items():
                if "$ref" in answer:
                    answer = schema["components"]["responses"][f"Refusal{status}"]
                assert answer["description"], (path, method, status)
                contents.append(answer.get("content", {}))
            for content in (
                kinds[kind] for kinds in contents for kind in kinds if kind == "application/json"
            ):
                if "example" not in content:
                    missing.append(f"{method} {path}")
                    continue
                whole = {**content["schema"], "components": schema["components"]}
                for error in Draft202012Validator(whole).iter_errors(content["example"]):
                    wrong.append(f"{method} {path}: {error.json_path}: {error.message}")
    assert not missing
    assert not wrong


def test_yaml_is_given_to_those_who_ask_for_it(bob: User) -> None:
    answer = as_user(bob).get(url("schema"), HTTP_ACCEPT="application/yaml")
    assert answer.content.startswith(b"openapi: 3.1")


def test_the_page_asks_for_a_login_and_needs_no_inline_script(client: Client, bob: User) -> None:
    assert client.get(url("docs")).status_code == 302
    client.force_login(bob)
    page = client.get(url("docs"))
    policy = page["Content-Security-Policy"]
    assert "img-src 'self' data:" in policy
    assert "unsafe" not in policy
    assert b"<style" not in page.content
    script = client.get(f"{url('docs')}?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle(" in script.content
