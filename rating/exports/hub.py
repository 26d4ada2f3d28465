"""Pushing a finished export to a data set of the operator's hub.

The operator says whether that is allowed, to which hub, and as whom; a user only names the repository.
"""

import logging
import re
import tempfile
import zipfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.errors import Conflict, Gone, Invalid
from annotation.models import User
from rating.exports.jobs import file_name, path_of
from rating.models import Export, HubPush
from rating.wake_up import wake_up_for_push

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi

logger = logging.getLogger(__name__)

LOST_AFTER = timedelta(hours=1)
# A person or an organization, and a name, as the hub itself allows them.
PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?"
REPOSITORY = re.compile(rf"({PART})/{PART}")
OFF = gettext_lazy(
    "Pushing to a hub is switched off in this installation. Its operator can switch it on with HUB_ENABLED; "
    "until then, download the export."
)


def request_push(export: Export, user: User, repository: str, *, private: bool) -> HubPush:
    """A queued push, and word to a worker; if that message is lost, the sweep finds it."""
    if not settings.HUB_ENABLED:
        raise Conflict(str(OFF))
    match = REPOSITORY.fullmatch(repository)
    if match is None or "--" in repository or ".." in repository:
        raise Invalid(
            _(
                "A repository is a namespace and a name, such as “our-team/cats”; letters, "
                "digits, -, _ and ."
            ),
            "repository",
        )
    allowed = settings.HUB_NAMESPACES
    if allowed and match[1] not in allowed:
        raise Invalid(
            _("The operator allows pushes to %(allowed)s only, not to “%(match)s”.")
            % {"allowed": ", ".join(allowed), "match": match[1]},
            "repository",
        )
    if export.status != Export.Status.DONE:
        raise Conflict(
            _("The export is %(status)s; only a finished one can be pushed.")
            % {"status": export.status}
        )
    if not path_of(export).is_file():
        raise Gone(_("The file is gone from the server. Ask for another export."))
    push = HubPush.objects.create(
        export=export, created_by=user, repository=repository, private=private
    )
    transaction.on_commit(partial(wake_up_for_push, push.id))
    return push


def unfinished_pushes() -> list[UUID]:
    waiting = _claimable(HubPush.objects.all())
    return list(waiting.order_by("created_at").values_list("id", flat=True)[:20])


def run_push(push_id: UUID) -> None:
    """Do a queued push. Called twice, or by two workers, it is done once."""
    claimed = _claimable(HubPush.objects.filter(id=push_id)).update(
        status=HubPush.Status.RUNNING, started_at=Now()
    )
    if not claimed:
        return
    push = HubPush.objects.select_related("export__project").get(id=push_id)
    try:
        commit = _push(push)
    except Exception as error:
        logger.exception("push %s failed", push_id)
        _finish(push, status=HubPush.Status.FAILED, error=_in_words(push, error)[:1000])
        return
    url = f"{_endpoint()}/datasets/{push.repository}"
    _finish(push, status=HubPush.Status.DONE, url=url, commit=commit.oid or "")


def _claimable(pushes: QuerySet[HubPush]) -> QuerySet[HubPush]:
    lost = Q(status=HubPush.Status.RUNNING, started_at__lt=Now() - LOST_AFTER)
    return pushes.filter(Q(status=HubPush.Status.QUEUED) | lost)


def _finish(push: HubPush, **fields: str) -> None:
    HubPush.objects.filter(id=push.id).update(finished_at=Now(), **fields)


# --- The hub -----------------------------------------------------------------------------------------


def _push(push: HubPush) -> "CommitInfo":
    """One commit with all files, so that the repository is never half of it."""
    if not settings.HUB_ENABLED:
        raise Conflict(str(OFF))
    path = path_of(push.export)
    if not path.is_file():
        raise Gone(_("The file is gone from the server. Ask for another export."))
    api = _api()
    api.create_repo(push.repository, repo_type="dataset", private=push.private, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".push-", dir=path.parent) as folder:
        return _commit(api, push, _files(push.export, path, Path(folder)))


def _files(export: Export, path: Path, folder: Path) -> dict[str, Path]:
    """What lies in the repository: an archive's files, card and all; or the one file with the card."""
    if export.file == "zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            return {name: folder / name for name in archive.namelist()}
    card = folder / "README.md"
    card.write_text(export.card)
    return {"README.md": card, file_name(export): path}


def _commit(api: "HfApi", push: HubPush, files: dict[str, Path]) -> "CommitInfo":
    from huggingface_hub import CommitOperationAdd

    return api.create_commit(
        push.repository,
        [CommitOperationAdd(name, file) for name, file in sorted(files.items())],
        commit_message=f"Add {push.export.format} of {push.export.project.name}",
        repo_type="dataset",
    )


def _api() -> "HfApi":
    # Loaded where it is used: it is large, and most processes never push.
    from huggingface_hub import HfApi

    return HfApi(endpoint=settings.HUB_ENDPOINT or None, token=settings.HUB_TOKEN)


def _endpoint() -> str:
    return str(_api().endpoint).rstrip("/")


def _in_words(push: HubPush, error: Exception) -> str:
    """What a manager can do about it; what the hub itself says goes with it."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, Conflict | Gone):
        return str(error)
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        said = error.server_message or ""
        if status in (401, 403):
            sentence = _(
                "The hub does not let this installation write to “%(repository)s”. Ask the operator "
                "whether HUB_TOKEN may. %(said)s"
            )
            return (sentence % {"repository": push.repository, "said": said}).strip()
        sentence = _("The hub refused with status %(status)s. %(said)s")
        return (sentence % {"status": status, "said": said}).strip()
    return _("The hub could not be reached, or broke off: %(error)s") % {"error": error}
