"""Webhooks: signed messages from the database, tried until they arrive, and only to allowed targets."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from annotation import delivery
from annotation.delivery import deliver_due, forget_old
from annotation.errors import Conflict, Invalid
from annotation.models import Delivery, Image, Outcome, Project, User, Webhook
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.projects import update_project
from annotation.services.webhooks import create_webhook, redeliver, send_test, update_webhook
from annotation.targets import target, usable
from annotation.webhooks import announce, milestones
from rating.exports.jobs import request_export, run_export
from rating.services import recompute
from tests.api import as_user, url
from tests.conftest import membership
from tests.pages import logged_in

pytestmark = pytest.mark.django_db


class Receiver(ThreadingHTTPServer):
    """Somebody else's server: keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.answer = 204, b""
        self.more_headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in self.server.more_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _allowed(settings: Any, db: None) -> None:
    settings.WEBHOOK_TARGETS = ["127.0.0.1"]
    cache.clear()


@pytest.fixture
def hook(project: Project, alice: User, receiver: Receiver, settings: Any) -> tuple[Webhook, str]:
    settings.WEBHOOK_TARGETS = [receiver.url]
    return create_webhook(project, alice, receiver.url)


def make_due() -> None:
    Delivery.objects.exclude(next_attempt_at=None).update(
        next_attempt_at=timezone.now() - timedelta(seconds=1)
    )


# --- On their way ------------------------------------------------------------------------------------


def test_a_receiver_can_verify_what_it_gets(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    webhook, secret = hook
    update_project(project.id, state="paused")
    assert deliver_due() == 1
    ((headers, body),) = receiver.got
    told = Verifier(secret).verify(body, headers)
    assert told["type"] == "project.state_changed"
    assert told["data"] == {"project": str(project.id), "state": "paused", "before": "open"}
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(body.replace(b"paused", b"closed"), headers)
    sent = webhook.deliveries.get()
    assert (sent.state, sent.attempts, sent.last_status) == ("delivered", 1, 204)
    assert headers["Host"] == f"127.0.0.1:{receiver.server_port}"
    assert deliver_due() == 0


def test_what_is_rolled_back_was_never_told(hook: tuple[Webhook, str], project: Project) -> None:
    with pytest.raises(Invalid):
        update_project(project.id, state="paused", criteria=[])
    assert not Delivery.objects.exists()


def test_a_webhook_is_told_only_of_its_own_project_and_its_events(
    hook: tuple[Webhook, str], project: Project, alice: User
) -> None:
    other = Project.objects.create(name="Other")
    mine, _ = create_webhook(project, alice, hook[0].url, ["export.finished"])
    announce(other.id, "run.finished", {})
    announce(project.id, "run.finished", {})
    assert list(Delivery.objects.values_list("webhook", flat=True)) == [hook[0].id]
    announce(project.id, "export.finished", {}, key="1")
    announce(project.id, "export.finished", {}, key="1")
    assert mine.deliveries.count() == 1, "one fact is one message"


def test_what_fails_is_tried_again_later_each_time_with_the_same_id(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    receiver.status, receiver.answer = 500, b"I am \0 broken"
    announce(project.id, "run.finished", {})
    waits = []
    for _ in range(3):
        deliver_due()
        sent = Delivery.objects.get()
        assert sent.next_attempt_at is not None
        waits.append((sent.next_attempt_at - timezone.now()).total_seconds())
        assert deliver_due() == 0, "not before its time"
        make_due()
    assert waits == sorted(waits)
    assert (sent.last_status, sent.last_answer) == (500, "I am  broken")
    receiver.status = 200
    deliver_due()
    assert Delivery.objects.get().state == "delivered"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


def test_after_days_it_is_given_up_and_the_webhook_switched_off(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    receiver.status = 503
    for key in ("one", "two"):
        announce(project.id, "run.finished", {}, key=key)
    days = sum(delivery.DELAYS) / 86400
    assert 2 < days < 5
    Delivery.objects.update(attempts=len(delivery.DELAYS))
    deliver_due()
    webhook = Webhook.objects.get()
    assert not webhook.active
    assert webhook.given_up_at is not None
    assert {sent.state for sent in Delivery.objects.all()} == {"given_up"}
    announce(project.id, "run.finished", {})
    assert Delivery.objects.count() == 2
    update_webhook(webhook.id, active=True)
    announce(project.id, "run.finished", {})
    assert Delivery.objects.count() == 3


def test_one_message_that_fails_does_not_switch_off_where_others_arrive(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    announce(project.id, "run.finished", {}, key="bad")
    announce(project.id, "run.finished", {}, key="good")
    Delivery.objects.filter(key__endswith="good").update(
        delivered_at=timezone.now(), next_attempt_at=None
    )
    receiver.status = 400
    Delivery.objects.filter(key__endswith="bad").update(attempts=len(delivery.DELAYS))
    deliver_due()
    assert Delivery.objects.get(key__endswith="bad").state == "given_up"
    assert Webhook.objects.get().active


def test_a_receiver_that_says_it_is_gone_is_told_no_more(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    receiver.status = 410
    announce(project.id, "run.finished", {})
    deliver_due()
    assert not Webhook.objects.get().active


def test_a_worker_that_dies_on_the_way_has_tried_once(
    hook: tuple[Webhook, str],
    receiver: Receiver,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announce(project.id, "run.finished", {})
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_attempt", lambda claimed: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deliver_due()
    sent = Delivery.objects.get()
    assert (sent.state, sent.attempts) == ("due", 1)
    make_due()
    assert deliver_due() == 1
    assert Delivery.objects.get().state == "delivered"


def test_only_one_worker_delivers_at_a_time(
    hook: tuple[Webhook, str], project: Project, receiver: Receiver
) -> None:
    announce(project.id, "run.finished", {})
    cache.add("delivering", 1)
    assert deliver_due() == 0
    cache.delete("delivering")
    assert deliver_due() == 1


def test_messages_of_one_webhook_come_in_their_order(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    for n in range(4):
        announce(project.id, "run.finished", {"n": n})
    assert deliver_due() == 4
    assert [json.loads(body)["data"]["n"] for _, body in receiver.got] == [0, 1, 2, 3]


def test_a_message_can_be_sent_again(hook: tuple[Webhook, str], receiver: Receiver) -> None:
    webhook, _ = hook
    sent = send_test(webhook)
    deliver_due()
    redeliver(webhook, sent.id)
    assert deliver_due() == 1
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [sent.id, sent.id]
    update_webhook(webhook.id, active=False)
    webhook.refresh_from_db()
    with pytest.raises(Conflict, match="switched off"):
        redeliver(webhook, sent.id)


def test_the_log_of_deliveries_ends_after_a_while(hook: tuple[Webhook, str]) -> None:
    old, due = send_test(hook[0]), send_test(hook[0])
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=40))
    Delivery.objects.filter(id=old.id).update(next_attempt_at=None)
    assert forget_old() == 1
    assert Delivery.objects.get().id == due.id


# --- Where they may lead -----------------------------------------------------------------------------


ALLOWED = ["https://hooks.example.org/pair/", "*.example.net", "in.example.com", "10.0.0.0/8"]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://hooks.example.org/pair/", True),
        ("https://hooks.example.org/pair/a?b=c", True),
        ("https://hooks.example.org/pair", False),
        ("https://hooks.example.org/pairs/", False),
        ("https://hooks.example.org/pair/../admin", False),
        ("https://hooks.example.org/pair/%2e%2e/admin", False),
        ("http://hooks.example.org/pair/", False),
        ("https://hooks.example.org:8443/pair/", False),
        ("https://hooks.example.org.evil.example/pair/", False),
        ("https://hooks.example.org@evil.example/pair/", False),
        ("https://user:pw@hooks.example.org/pair/", False),
        ("https://a.example.net/x", True),
        ("https://a.b.example.net", True),
        ("https://example.net", False),
        ("https://evilexample.net", False),
        ("https://in.example.com", True),
        ("https://IN.EXAMPLE.COM/", True),
        ("https://in.example.com:444/", False),
        ("https://10.0.0.1/", False),
        ("https://169.254.169.254/latest/", False),
        ("file:///etc/passwd", False),
        ("https://in.example.com/a b", False),
        ("https://in.example.com\\@evil.example/", False),
        ("https://in.example.com/#x", False),
        ("https://[::1", False),
        ("//in.example.com/", False),
        ("", False),
    ],
)
def test_only_targets_that_the_operator_names(address: str, allowed: bool, settings: Any) -> None:
    """A69: no address is fetched on a user's word."""
    settings.WEBHOOK_TARGETS = ALLOWED
    if allowed:
        assert target(address).url == address
    else:
        with pytest.raises(Invalid):
            target(address)


def test_without_targets_there_are_no_webhooks(
    project: Project, alice: User, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.WEBHOOK_TARGETS = []
    with pytest.raises(Invalid, match="switched off here"):
        create_webhook(project, alice, "https://in.example.com/")
    with django_assert_num_queries(0):
        announce(project.id, "run.finished", {})


@pytest.mark.parametrize(
    ("leads_to", "sent"),
    [
        (["93.184.215.14"], True),
        (["127.0.0.1"], False),
        (["93.184.215.14", "192.168.1.1"], False),
        (["169.254.169.254"], False),
        (["::ffff:127.0.0.1"], False),
        (["10.2.3.4"], True),
        (["224.0.0.1"], False),
    ],
)
def test_a_name_that_leads_inside_is_not_followed(
    leads_to: list[str], sent: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns an allowed name cannot have the server talk to its own network."""
    settings.WEBHOOK_TARGETS = ALLOWED
    found = [(0, 0, 0, "", (address, 443)) for address in leads_to]
    monkeypatch.setattr("annotation.targets.socket.getaddrinfo", lambda *a, **k: found)
    where = target("https://in.example.com/")
    if sent:
        assert [str(address) for address in where.addresses()] == leads_to
    else:
        with pytest.raises(Conflict, match="has not named"):
            where.addresses()


def test_the_connection_goes_to_the_address_that_was_looked_at(
    hook: tuple[Webhook, str],
    receiver: Receiver,
    project: Project,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name whose answer changes between looking and connecting leads nowhere else."""
    import socket

    named = f"http://receiver.example.org:{receiver.server_port}/hook"
    settings.WEBHOOK_TARGETS = [named, "127.0.0.1"]
    update_webhook(hook[0].id, url=named)
    real, asked = socket.getaddrinfo, []

    def once(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "receiver.example.org":
            asked.append(name)
            assert len(asked) == 1, "looked up again, to connect"
            return real("127.0.0.1", *args, **kwargs)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    announce(project.id, "run.finished", {})
    deliver_due()
    assert Delivery.objects.get().state == "delivered", Delivery.objects.get().last_answer
    assert receiver.got[0][0]["Host"] == f"receiver.example.org:{receiver.server_port}"


def test_a_redirect_is_not_followed(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    receiver.status = 302
    receiver.more_headers = {"Location": receiver.url + "/elsewhere"}
    announce(project.id, "run.finished", {})
    deliver_due()
    assert len(receiver.got) == 1
    sent = Delivery.objects.get()
    assert (sent.state, sent.last_status) == ("due", 302)


def test_a_large_answer_is_read_only_at_its_beginning(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project
) -> None:
    receiver.status, receiver.answer = 500, b"x" * 5_000_000
    announce(project.id, "run.finished", {})
    deliver_due()
    assert Delivery.objects.get().last_answer == "x" * 500


def test_a_receiver_that_hangs_costs_a_few_seconds(
    hook: tuple[Webhook, str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(delivery, "PATIENCE", 0.2)
    monkeypatch.setattr(delivery, "_send", lambda *args: released.wait(10))
    announce(project.id, "run.finished", {})
    assert deliver_due() == 1
    released.set()
    sent = Delivery.objects.get()
    assert (sent.state, sent.last_answer) == ("due", "There was no whole answer.")


def test_a_target_that_is_allowed_no_more_is_told_nothing(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project, settings: Any
) -> None:
    announce(project.id, "run.finished", {})
    settings.WEBHOOK_TARGETS = ["in.example.com"]
    deliver_due()
    assert receiver.got == []
    assert "does not allow" in Delivery.objects.get().last_answer


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        *((entry, True) for entry in ALLOWED),
        ("127.0.0.1", True),
        ("fd00::/8", True),
        ("*", False),
        ("*.", False),
        ("ftp://example.org/", False),
        ("a.*.org", False),
        ("https://", False),
        ("example.org:443", False),
    ],
)
def test_a_setting_that_means_nothing_stops_the_program(
    entry: str, good: bool, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = [entry]
    assert usable(entry) == good
    if not good:
        with pytest.raises(SystemCheckError, match="WEBHOOK_TARGETS"):
            call_command("check")


# --- What is told ------------------------------------------------------------------------------------


def test_milestones_are_round_numbers_that_were_passed() -> None:
    assert milestones(0, 9) == []
    assert milestones(0, 10) == [10]
    assert milestones(10, 120) == [20, 50, 100]
    assert milestones(499, 500) == [500]
    assert milestones(500, 300) == []


def test_runs_milestones_and_exports_are_told(
    hook: tuple[Webhook, str], project: Project, images: list[Image], alice: User, bob: User
) -> None:
    Project.objects.update(overlap=2)
    made = []
    for user in (bob, alice):
        for _ in range(5):
            (given,) = open_assignments(membership(project, user)).assignments
            made.append(record_comparison(user, given.id, Outcome.LEFT)[0])
    run = recompute(project.id)
    recompute(project.id)
    retract_comparison(alice, made[-1].id)
    recompute(project.id)
    (given,) = open_assignments(membership(project, alice)).assignments
    record_comparison(alice, given.id, Outcome.RIGHT)
    recompute(project.id)
    export = request_export(project, alice, "rankings", {})
    run_export(export.id)
    run_export(export.id)
    export.refresh_from_db()
    told = list(Delivery.objects.order_by("created_at").values_list("event", "payload"))
    assert [event for event, _ in told].count("run.finished") == 3, "one a run that differs"
    milestone = [payload["data"] for event, payload in told if event == "comparisons.milestone"]
    assert milestone == [{"project": str(project.id), "comparisons": 10}], "once, undo or not"
    first = next(payload["data"] for event, payload in told if event == "run.finished")
    assert (first["run"], first["fingerprint"]) == (str(run.id), run.fingerprint)
    (finished,) = [payload["data"] for event, payload in told if event == "export.finished"]
    assert (finished["status"], finished["sha256"]) == ("done", export.sha256)


# --- The API and the pages ---------------------------------------------------------------------------


def test_the_api_manages_webhooks_and_shows_the_secret_once(
    project: Project, alice: User, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = [receiver.url]
    client = as_user(alice)
    where = url("webhooks", project_id=project.id)
    made = client.post(where, {"url": receiver.url, "events": ["run.finished"]}).json()
    secret = made.pop("secret")
    assert client.get(where).json()["results"] == [made]
    one = url("webhook", webhook_id=made["id"])
    assert client.post(url("webhook-test", webhook_id=made["id"])).status_code == 202
    deliver_due()
    Verifier(secret).verify(receiver.got[0][1], receiver.got[0][0])
    log = url("deliveries", webhook_id=made["id"])
    (sent,) = client.get(log).json()["results"]
    assert (sent["state"], sent["event"]) == ("delivered", "webhook.test")
    again = url("redeliver", webhook_id=made["id"], delivery_id=sent["id"])
    assert client.post(again).json()["state"] == "due"
    unknown = url("redeliver", webhook_id=made["id"], delivery_id="msg_0")
    assert client.post(unknown).status_code == 404
    assert client.patch(one, {"active": False}).json()["active"] is False
    assert client.patch(one, {"url": "https://evil.example/"}).status_code == 400
    assert client.patch(one, {"events": ["nothing"]}).status_code == 400
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


def test_the_secret_is_not_in_the_database(hook: tuple[Webhook, str]) -> None:
    webhook, secret = hook
    stored = Webhook.objects.filter(id=webhook.id).values().get()
    assert secret.removeprefix("whsec_") not in str(stored)


def test_a_manager_sees_what_came_of_each_message(
    hook: tuple[Webhook, str], receiver: Receiver, project: Project, alice: User
) -> None:
    webhook, _ = hook
    browser = logged_in(alice)
    page = reverse("webhook", args=[webhook.id])
    receiver.status, receiver.answer = 500, b"<script>alert(1)</script>"
    browser.post(reverse("test_webhook", args=[webhook.id]))
    deliver_due()
    shown = browser.get(page).content.decode()
    assert "500" in shown
    assert "&lt;script&gt;" in shown
    receiver.status = 200
    sent = Delivery.objects.get()
    browser.post(reverse("redeliver", args=[webhook.id, sent.id]))
    deliver_due()
    assert "delivered" in browser.get(page).content.decode()
    browser.post(reverse("switch_webhook", args=[webhook.id]))
    refused = browser.post(reverse("test_webhook", args=[webhook.id]), follow=True)
    assert "switched off" in refused.content.decode()
    browser.post(reverse("delete_webhook", args=[webhook.id]))
    assert not Webhook.objects.exists()


def test_the_page_makes_a_webhook_and_shows_its_secret_once(
    project: Project, alice: User, receiver: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_TARGETS = [receiver.url]
    browser, page = logged_in(alice), reverse("webhooks", args=[project.id])
    made = browser.post(page, {"url": receiver.url})
    assert made.context["secret"].startswith("whsec_")
    assert made.context["secret"] not in browser.get(page).content.decode()
    refused = browser.post(page, {"url": "https://evil.example/"})
    assert "does not allow" in refused.content.decode()


def test_beat_sends_only_tasks_that_there_are(settings: Any) -> None:
    from config.celery import app

    app.loader.import_default_modules()
    sent = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {"annotation.tasks.deliver", "annotation.tasks.forget_old_deliveries"} <= sent
    assert sent <= set(app.tasks)
