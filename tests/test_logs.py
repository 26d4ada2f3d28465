"""A33: no log has what lets somebody in; each log of a real run is searched for each secret of the run."""

import http.client
import json
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from annotation.accounts import entry_key
from annotation.models import Project, Role, User
from annotation.services.members import create_invitation
from config.logs import MaskingFormatter, masked
from tests.servers import ROOT
from tests.test_supervisor import SUPERVISOR, Run, free_port, started
from tests.waiting import eventually

TOKEN = "sTz3Yq-4_0xV9lqk2RduvA8cHn1mWbEoPj5yGfXt7iU"
ENTRY = "M2I0/d2v8kq-3f1c0f7cf2fb6a3b1e5d9a8c7b6e5f40"
ID = "0b9d7f7e-3a52-4e1c-9d9a-5b8f6a1c2d3e"


# --- What is masked, and what is not -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"Not Found: /invitations/{TOKEN}/", "Not Found: /invitations/***"),
        (f"Method Not Allowed (PUT): /enter/{ENTRY}/", "Method Not Allowed (PUT): /enter/***"),
        ("Gone: /invitations/short", "Gone: /invitations/***"),
        (
            f"GET /login/?next=%2Finvitations%2F{TOKEN}%2F HTTP",
            "GET /login/?next=%2Finvitations%2F*** HTTP",
        ),
        (f"Not Found: /invitation/{TOKEN}", "Not Found: /invitation/***"),
        ("Authorization: Token abc", "Authorization: Token ***"),
        ("Cookie: sessionid=q1w2e3; csrftoken=r4;", "Cookie: sessionid=***; csrftoken=***;"),
        ("__Host-sessionid=q1w2e3", "__Host-sessionid=***"),
        ("secret whsec_QWxh+ZGRpb/g=", "secret whsec_***"),
        (f"key '{'0f' * 32}'", "key '***'"),
        ("Not Found: /x/rwql7wq44ul3j7d0j7bgkbg7mtbn62vz/", "Not Found: /x/***/"),
    ],
)
def test_what_lets_somebody_in_is_masked(line: str, shown: str) -> None:
    assert masked(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        f"Not Found: /api/v1/projects/{ID}/",
        f"Task rating.tasks.recompute[{ID}] succeeded in 0.1 s: None",
        f"import {ID} was taken up by another worker",
        "refused photos/2026-11-30_a_fox_in_the_snow.png: It is damaged",
    ],
)
def test_what_is_no_secret_stays_readable(line: str) -> None:
    assert masked(line) == line


def test_arguments_and_tracebacks_are_masked_too() -> None:
    try:
        raise ValueError(f"/invitations/{TOKEN}/")
    except ValueError as error:
        about = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "at %s", (f"/enter/{ENTRY}/",), about)
    written = MaskingFormatter("{message}", style="{").format(record)
    assert "/enter/***" in written
    assert "/invitations/***" in written
    assert TOKEN not in written


@pytest.mark.django_db
def test_a_page_with_a_secret_in_its_address_names_it_to_nobody(
    client: Client, project: Project, alice: User
) -> None:
    """Its own style sheets are asked for with the address as referrer, and so is the page after it."""
    where = reverse("invitation", args=[create_invitation(project, alice, Role.ANNOTATOR)[1]])
    for answer in (client.get(where), client.get(reverse("enter", args=entry_key(alice)))):
        assert answer["Referrer-Policy"] == "strict-origin"
    assert client.get(reverse("enter", args=["a", "b"]))["Referrer-Policy"] == "strict-origin"
    assert client.get(where + "x/")["Referrer-Policy"] == "strict-origin"
    assert client.get(reverse("account_login"))["Referrer-Policy"] == "same-origin"


# --- A real run --------------------------------------------------------------------------------------

PASSWORD = "a password, and a long one: 7 herons"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Everything that can be logged is: all levels, and the web server's log of requests."""
    more = {"ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "DEBUG"}
    more["WEBHOOK_TARGETS"] = "http://127.0.0.1:9/,127.0.0.1"
    with started(tmp_path_factory.mktemp("run"), *SUPERVISOR, **more) as run:
        yield run


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found
    return found[1]


def raw(port: int, method: str, path: str, headers: dict[str, str]) -> int:
    """Any path as it is, which a decent client would put right first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, b"", headers)
    return connection.getresponse().status


@pytest.mark.own_servers
def test_no_log_of_a_run_has_a_secret_of_the_run(run: Run) -> None:
    base = f"http://127.0.0.1:{run.port}"
    secrets = {PASSWORD}
    with httpx.Client(base_url=base, timeout=60) as browser:
        form = {"login": "admin", "csrfmiddlewaretoken": csrf(browser.get("/login/"))}
        assert browser.post("/login/", data=form | {"password": PASSWORD}).status_code == 302
        secrets |= {cookie.value or "" for cookie in browser.cookies.jar}
        made = httpx.post(
            f"{base}/api/v1/token/", json={"username": "admin", "password": PASSWORD}, timeout=60
        )
        token = made.json()["token"]
        api = {"Authorization": f"Token {token}"}
        (project,) = browser.get("/api/v1/projects/").json()["results"]
        where = f"{base}/api/v1/projects/{project['id']}"
        links = [
            httpx.post(f"{where}/invitations/", json={}, headers=api, timeout=60).json()["url"]
            for _ in range(2)
        ]
        links.append(login_link(run))
        hook = httpx.post(
            f"{where}/webhooks/",
            json={"url": "http://127.0.0.1:9/in-the-address-8d1f"},
            headers=api,
            timeout=60,
        ).json()
        secrets |= {token, hook["secret"], "in-the-address-8d1f"}
        secrets |= {
            part for link in links for part in urlsplit(link).path.split("/") if len(part) > 20
        }
        httpx.post(f"{base}/api/v1/webhooks/{hook['id']}/test/", headers=api, timeout=60)
        for link in links:
            path = urlsplit(link).path
            for method in ("PUT", "DELETE", "PATCH", "TRACE", "HEAD", "POST"):
                raw(run.port, method, path, {"Referer": link, "Origin": "https://evil.example"})
            for near in (
                path[:-1],
                path + "more/",
                path.upper(),
                path.replace("/", "//"),
                path[:-5],
            ):
                raw(run.port, "GET", near, {"Referer": link})
            raw(
                run.port,
                "GET",
                path.replace("invitations", "invitation").replace("enter", "entr"),
                {},
            )
            raw(run.port, "GET", "/" + quote(path, safe=""), {})
            raw(run.port, "POST", f"/login/?next={quote(path, safe='')}", {"Referer": link})
            raw(run.port, "GET", path, {"Referer": link, "Host": "other.example"})
            browser.get(path, headers={"Referer": link})
        raw(run.port, "GET", f"/api/v1/projects/?token={token}", {})
        raw(run.port, "GET", f"/api/v1/{token}/", {"Authorization": f"Token {token}x"})
        browser.get(
            f"/sessions/{browser.cookies['sessionid']}/?sessionid={browser.cookies['sessionid']}"
        )
        secrets.discard("")
    logs = run.data_dir / "logs"
    eventually(lambda: "/invitations/***" in (logs / "web.log").read_text(), 30.0)
    eventually(lambda: "/enter/***" in (logs / "web.log").read_text(), 30.0)
    for file in [*logs.iterdir(), run.output_file]:
        text = file.read_text(errors="replace")
        found = [secret[:6] for secret in secrets if secret in text]
        assert not found, (file.name, found)


def login_link(run: Run) -> str:
    """A one-time link of the operator's, with the run's own data."""
    done = subprocess.run(
        [SUPERVISOR[0], "manage.py", "login_link", "admin"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(run.data_dir)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- The proxy ---------------------------------------------------------------------------------------


@pytest.mark.own_servers
def test_the_proxys_logs_have_no_secret(tmp_path: Path) -> None:
    """Its log of errors has each request that the web server did not answer."""
    port, log = free_port(), tmp_path / "log"
    config = (ROOT / "deploy" / "Caddyfile").read_text()
    # With the log of requests, as an operator may turn it on; and not so patient.
    config = config.replace("header -Server", "header -Server\n\tlog").replace(
        "lb_try_duration 5s", ""
    )
    (tmp_path / "Caddyfile").write_text(config)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WEB": f"127.0.0.1:{free_port()}",
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
    }
    command = ["caddy", "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        eventually(lambda: "serving initial configuration" in log.read_text(), 60.0)
        headers = {
            "Referer": f"http://127.0.0.1:{port}/invitations/{TOKEN}/",
            "Cookie": "sessionid=k9f8s7d6",
            "Authorization": "Token t0k3n-of-bob",
        }
        for path in (
            f"/invitations/{TOKEN}/",
            f"/enter/{ENTRY}/",
            f"/login/?next=%2Finvitations%2F{TOKEN}",
        ):
            assert raw(port, "GET", path, headers) == 503
        eventually(lambda: log.read_text().count('"request"') >= 3, 30.0)
    finally:
        process.terminate()
        process.wait(20)
    written = log.read_text()
    for secret in (TOKEN, *ENTRY.split("/"), "k9f8s7d6", "t0k3n-of-bob"):
        assert secret not in written, secret
    lines: list[Any] = [json.loads(line) for line in written.splitlines() if '"request"' in line]
    assert {line["request"]["uri"] for line in lines} == {"/***", "/login/?next=/***"}
