"""docker-compose.yml says what it should, and its commands do what they should.

No Docker here: each command of our own services is run exactly as the file has it, on a private Postgres and
Valkey, with the variables of the environment that name a place (a host, a port, a folder) set to ours.
"""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from tests.servers import ROOT, postgres, valkey
from tests.test_supervisor import free_port
from tests.waiting import eventually

pytestmark = pytest.mark.own_servers

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "beat")
LONG_RUNNING = tuple(name for name in SERVICES if name != "migrate")
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")

# --- What the file says ------------------------------------------------------------------------------


def strings(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def variables(operator: str) -> set[str]:
    """The variables that must be set ("?"), or that have a default ("-")."""
    return {
        name
        for text in strings(COMPOSE)
        for name, how, _ in VARIABLE.findall(text)
        if how == operator
    }


def test_only_the_proxy_can_be_reached_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["backend"] == {"internal": True}
    for name in ("db", "redis", "worker", "beat", "migrate"):
        assert SERVICES[name]["networks"] == ["backend"]
    assert SERVICES["proxy"]["networks"] == ["frontend"]


def test_there_is_no_secret_in_the_file_and_a_missing_one_stops_the_start():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASS|TOKEN|AUTH", name):
                assert re.fullmatch(r"\$\{\w+:(\?[^}]+|-)\}", value), name
            assert not re.search(r"://[^/]*:[^/]*@", value), name


def test_the_example_names_every_variable_and_gives_no_value_to_a_secret():
    lines = (ROOT / ".env.example").read_text().splitlines()
    required = {line.removesuffix("=") for line in lines if re.fullmatch(r"\w+=", line)}
    optional = {match[1] for line in lines if (match := re.fullmatch(r"#(\w+)=.+", line))}
    assert required == variables("?")
    assert optional == variables("-")
    assert variables("") == set()


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_service_is_watched_and_comes_back(name: str):
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"


def test_nothing_of_ours_starts_before_the_tables_are_there():
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
        for server in ("db", "redis"):
            assert SERVICES[name]["depends_on"][server] == {"condition": "service_healthy"}


def test_the_images_of_the_host_are_read_only_and_the_services_have_no_privileges():
    for name in OURS:
        (images,) = [volume for volume in SERVICES[name]["volumes"] if "/images" in volume]
        assert images.endswith(":ro")
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert re.search(r"^USER pairwright$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_to_its_volumes_alone_and_cannot_take_the_whole_machine(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert any(folder.startswith("/tmp") for folder in service["tmpfs"])  # noqa: S108
    assert re.fullmatch(r"\d+[mg]", interpolated(service["mem_limit"], {}))
    assert service["pids_limit"] <= 512
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_service_that_migrates_knows_the_owner_of_the_tables():
    owners = {
        name
        for name, service in SERVICES.items()
        if any("${POSTGRES_PASSWORD" in text for text in strings(service))
    }
    assert owners == {"db", "migrate"}
    for name in ("web", "worker", "beat"):
        assert "//pairwright_service@" in SERVICES[name]["environment"]["DATABASE_URL"]


def test_the_services_of_the_backend_ask_for_a_password():
    command = SERVICES["redis"]["command"]
    assert command[command.index("--requirepass") + 1].startswith("${REDIS_PASSWORD:?")
    for name in OURS:
        assert SERVICES[name]["environment"]["REDIS_PASSWORD"].startswith("${REDIS_PASSWORD:?")


@pytest.mark.parametrize("name", ["web", "worker"])
def test_every_setting_of_buckets_and_hubs_reaches_the_services(name: str):
    documented = re.findall(
        r"`((?:IMPORT_S3|HUB)_\w+)`", (ROOT / "docs" / "operators.md").read_text()
    )
    assert len(documented) >= 9
    assert set(documented) <= set(SERVICES[name]["environment"])


def test_the_queue_outlives_a_restart_and_is_never_evicted():
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


# --- What its commands do ----------------------------------------------------------------------------


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """As Compose does it; a variable that must be set and is not fails here too."""

    def value(match: re.Match[str]) -> str:
        name, operator, default = match.groups()
        return given.get(name, default) if operator == "-" else given[name]

    return VARIABLE.sub(value, text).replace("$$", "$")


@dataclass
class Deployment:
    """The services of the file, on this machine."""

    environ: dict[str, str]
    given: dict[str, str]
    port: int
    proxy_port: int

    @property
    def host(self) -> str:
        return f"localhost:{self.proxy_port}"

    def environment(self, name: str) -> dict[str, str]:
        of_file = SERVICES[name].get("environment", {})
        environ = {k: interpolated(v, self.given) for k, v in of_file.items()} | self.environ
        if "DATABASE_URL" in of_file:
            # The server is another, the role is the file's.
            role = re.match(r"postgresql://(\w+)@", of_file["DATABASE_URL"])
            environ["DATABASE_URL"] = environ["DATABASE_URL"].replace("postgres@", f"{role[1]}@", 1)
        return environ

    def run(self, name: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [interpolated(word, self.given) for word in command],
            cwd=ROOT,
            env=self.environment(name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def healthy(self, name: str) -> bool:
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        shell = ["sh", "-c"] if kind == "CMD-SHELL" else []
        return self.run(name, [*shell, *command]).returncode == 0

    @contextmanager
    def started(
        self, name: str, command: list[str], log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [interpolated(word, self.given) for word in command],
                cwd=ROOT,
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                assert process.wait(60) in (0, -signal.SIGTERM), log.read_text()
            finally:
                with_children_of(process)


def with_children_of(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing, also when the assertion above failed."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def build_command() -> str:
    """The step of the Dockerfile that collects the static files, as a shell would get it."""
    (step,) = re.findall(
        r"^RUN ((?:.*\\\n)*.*collectstatic.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    return str(step)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("compose")
    port, proxy_port, broker_port = free_port(), free_port(), free_port()
    password = os.urandom(8).hex()
    given = {
        "POSTGRES_PASSWORD": "not checked by a server that trusts its socket",
        "POSTGRES_SERVICE_PASSWORD": "not checked either, and with ' and %s",
        "REDIS_PASSWORD": password,
        "SECRET_KEY": os.urandom(32).hex(),
        "PUBLIC_URL": f"http://localhost:{proxy_port}",
    }
    (folder / "data").mkdir()
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        with psycopg.connect(database.url, autocommit=True) as owner:
            owner.execute("CREATE ROLE pairwright SUPERUSER LOGIN")  # as the image of Postgres does
        locked = ("--port", str(broker_port), "--requirepass", password)
        stack.enter_context(valkey(*locked))
        places = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            # Compiled once for all tests.
            "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"],
            "DATABASE_URL": database.url,
            "REDIS_URL": f"redis://127.0.0.1:{broker_port}/0",
            "DATA_DIR": str(folder / "data"),
            "STATIC_ROOT": str(folder / "static"),
            "WEB_HOST": "127.0.0.1",
            "WEB_PORT": str(port),
        }
        deployment = Deployment(places, given, port, proxy_port)
        built = deployment.run("web", ["sh", "-c", build_command().replace("$", "$$")])
        assert built.returncode == 0, built.stderr
        # Twice, because it runs at each `up`.
        for _ in range(2):
            migrated = deployment.run("migrate", SERVICES["migrate"]["command"])
            assert migrated.returncode == 0, migrated.stderr
        for name in ("web", "worker", "beat"):
            stack.enter_context(deployment.started(name, SERVICES[name]["command"], folder / name))
        yield deployment


def get(port: int, path: str, host: str) -> tuple[int, Message]:
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host, "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        return answer.status, answer.headers
    except OSError:
        return 0, Message()
    finally:
        connection.close()


def ready(deployment: Deployment) -> bool:
    return get(deployment.port, "/readyz", deployment.host)[0] == 200


def test_the_web_service_is_ready_with_its_database_and_broker(deployment: Deployment):
    eventually(lambda: ready(deployment), 60)


ATTACKS_ON_THE_LOG = (
    "DROP TRIGGER guard_log_rows ON annotation_comparison",
    "ALTER TABLE annotation_comparison DISABLE TRIGGER USER",
    "CREATE OR REPLACE FUNCTION pairwright_guard_log() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "TRUNCATE annotation_comparison",
    "DELETE FROM annotation_comparison",
    "UPDATE annotation_comparison SET outcome = 'left'",
    "DROP TABLE annotation_comparison",
    "DELETE FROM django_migrations",
    "CREATE ROLE other",
)


@pytest.mark.parametrize("statement", ATTACKS_ON_THE_LOG)
def test_the_role_of_the_program_cannot_remove_the_guard_of_the_log(
    deployment: Deployment, statement: str
):
    url = deployment.environment("web")["DATABASE_URL"]
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(url, autocommit=True) as program, refused:
        program.execute(statement)


def test_the_role_of_the_program_can_do_all_that_people_do(deployment: Deployment):
    """Take the services of the file from the first account to a vote, its undo, an export, and the end."""
    password = "correct horse battery staple"
    made = deployment.run(
        "web", ["env", f"ADMIN_PASSWORD={password}", "python", "manage.py", "bootstrap"]
    )
    assert made.returncode == 0, made.stderr
    eventually(lambda: ready(deployment), 60)
    base = f"http://localhost:{deployment.port}/api/v1/"
    with httpx.Client(base_url=base, headers={"Host": deployment.host}, timeout=60) as api:

        def call(method: str, path: str, status: int, body: dict[str, Any] | None = None) -> Any:
            answer = api.request(method, path, json=body)
            assert answer.status_code == status, answer.text
            return answer.json() if answer.content else None

        who = {"username": "admin", "password": password, "name": "test"}
        api.headers["Authorization"] = f"Token {call('POST', 'token/', 200, who)['token']}"
        (project,) = call("GET", "projects/", 200)["results"]
        at = f"projects/{project['id']}/"
        for outcome in ("left", "right"):
            (shown,) = call("POST", f"{at}assignments/", 201, {"count": 1})["results"]
            vote = call(
                "POST", "comparisons/", 201, {"assignment": shown["id"], "outcome": outcome}
            )
        call("DELETE", f"comparisons/{vote['id']}/", 204)
        export = call("POST", f"{at}exports/", 202, {"format": "comparisons"})
        eventually(lambda: call("GET", f"exports/{export['id']}/", 200)["status"] == "done", 120)
        eventually(lambda: call("GET", f"{at}ratings/", 200)["run"], 120)
        call("DELETE", at, 204)


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_the_health_check_says_when_the_service_is_up(deployment: Deployment, name: str):
    eventually(lambda: deployment.healthy(name), 60)


def test_a_health_check_says_when_the_service_is_down(deployment: Deployment, tmp_path: Path):
    nowhere = {**deployment.environ, "WEB_PORT": str(free_port()), "DATA_DIR": str(tmp_path)}
    other = Deployment(nowhere, deployment.given, 0, 0)
    assert not other.healthy("web")
    assert not other.healthy("beat")


# --- The proxy, a real Caddy with deploy/Caddyfile ------------------------------------------------------


@dataclass
class Proxy:
    """Caddy in front of `upstream`, by TLS; only where it listens and keeps its files is ours."""

    port: int
    root_certificate: Path

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.root_certificate))
        return httpx.Client(base_url=f"https://localhost:{self.port}", verify=context, timeout=30)

    def connected(self, request: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.root_certificate))
        plain = socket.create_connection(("localhost", self.port), timeout=30)
        client = context.wrap_socket(plain, server_hostname="localhost")
        client.sendall(request.encode())
        return client


@contextmanager
def proxy(folder: Path, upstream: int, static: Path) -> Iterator[Proxy]:
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "PUBLIC_URL": f"https://localhost:{port}",
        "WEB": f"127.0.0.1:{upstream}",
        "STATIC_ROOT": str(static),
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
    }
    adapted = caddy("adapt", environ)
    assert adapted.returncode == 0, adapted.stderr
    configuration = json.loads(adapted.stdout)
    apps = configuration["apps"]
    (server,) = apps["http"]["servers"].values()
    # Else it would listen on port 80, too, and ask for the right to trust itself.
    server["automatic_https"] = {"disable_redirects": True}
    apps["pki"] = {"certificate_authorities": {"local": {"install_trust": False}}}
    file = folder / "caddy.json"
    file.write_text(json.dumps(configuration))
    certificate = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(file)], env=environ, stdout=log, stderr=log
        )
    try:
        running = Proxy(port, certificate)
        eventually(lambda: answers(running), 60)
        yield running
    finally:
        process.kill()
        process.wait()


def answers(proxy: Proxy) -> bool:
    try:
        with proxy.client() as client:
            return client.get("/static/none").status_code == 404
    except (OSError, httpx.HTTPError):
        return False


def caddy(command: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    words = ["caddy", command, "--config", "deploy/Caddyfile", "--adapter", "caddyfile"]
    return subprocess.run(words, cwd=ROOT, env=dict(environ), capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    eventually(lambda: ready(deployment), 60)
    static = Path(deployment.environ["STATIC_ROOT"])
    with proxy(tmp_path_factory.mktemp("caddy"), deployment.port, static) as running:
        yield running


@pytest.mark.parametrize(
    "url", ["https://pairs.example.org", "http://10.0.0.7", "https://localhost"]
)
def test_caddy_takes_the_file_for_every_kind_of_address(url: str, tmp_path: Path):
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PUBLIC_URL": url}
    checked = caddy("validate", environ)
    assert checked.returncode == 0, checked.stderr
    assert "Valid configuration" in checked.stdout + checked.stderr


def test_caddy_passes_requests_on_and_serves_the_static_files(deployment: Deployment, site: Proxy):
    static = Path(deployment.environ["STATIC_ROOT"])
    hashed = next(
        file for file in static.rglob("*.css") if re.search(r"\.[0-9a-f]{12}\.", file.name)
    )
    with site.client() as client:
        assert client.get("/readyz").status_code == 200
        style = client.get(f"/static/{hashed.relative_to(static)}")
        assert style.status_code == 200
        assert "immutable" in style.headers["Cache-Control"]
        assert style.headers["Content-Encoding"] == "gzip"
        assert client.get("/static/%2e%2e/manage.py").status_code == 404
        page = client.get("/login/")
        for answer in (style, page):
            assert answer.headers.get_list("X-Content-Type-Options") == ["nosniff"]
            assert "Server" not in answer.headers
        assert page.status_code == 200


def test_half_requests_through_the_proxy_hold_nobody_up(site: Proxy):
    head = "POST /login/ HTTP/1.1\r\nHost: localhost\r\n"
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(site.connected(f"{head}Content-Length: 1000\r\n\r\nhalf"))
            stack.enter_context(site.connected(head))
        with site.client() as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/login/").status_code == 200


def test_the_proxy_ends_half_headers(site: Proxy):
    with site.connected("GET / HTTP/1.1\r\nHost: loc") as client:
        client.settimeout(90)
        assert client.recv(100) == b"" or client.recv(100) == b""


@pytest.mark.parametrize("length", [2**17, 2**31])
def test_a_large_body_of_a_stranger_is_refused_through_the_proxy(site: Proxy, length: int):
    """Long before its end: a few megabytes fill the buffers on the way."""
    request = f"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    with site.connected(request) as client:
        assert answer_while_sending(client, min(length, 2**28)).startswith(b"HTTP/1.1 413 ")


def answer_while_sending(client: socket.socket, length: int) -> bytes:
    for _ in range(length // 2**16):
        client.settimeout(30)
        client.sendall(bytes(2**16))
        client.settimeout(0.01)
        with suppress(TimeoutError):
            return client.recv(100)
    client.settimeout(30)
    return client.recv(100)


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that came, and the number of bytes."""

    def do_GET(self) -> None:
        content = json.dumps(list(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def test_what_a_client_says_of_its_own_address_is_thrown_away(tmp_path: Path):
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        with proxy(tmp_path, upstream.server_port, tmp_path) as running, running.client() as client:
            came = httpx.Headers(client.get("/", headers=forged).json())
        upstream.shutdown()
    assert came.get_list("X-Forwarded-For") in (["127.0.0.1"], ["::1"])
    assert came.get_list("X-Forwarded-Proto") == ["https"]
    assert came.get_list("X-Forwarded-Host") == [f"localhost:{running.port}"]


def test_without_a_web_server_the_proxy_says_when_to_ask_again(tmp_path: Path):
    with proxy(tmp_path, free_port(), tmp_path) as running, running.client() as client:
        answer = client.get("/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_proxy_takes_no_more_than_a_gigabyte(tmp_path: Path):
    """Read from the adapted file: nothing here sends so much."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PUBLIC_URL": "https://a.example"}
    assert '"max_size":1000000000' in caddy("adapt", environ).stdout
