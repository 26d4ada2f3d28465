"""The static files of an embedded installation, which has no collectstatic step: collected at its start.

So `make run` serves what a deployment serves: compressed files under names that tell their content.
"""

import fcntl
import hashlib
import shutil
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

STORAGE = Path(__file__).with_name("storage.py")


def collect() -> None:
    """Bring STATIC_ROOT up to what is installed: some seconds after an upgrade, else nothing to do.

    All anew, since collectstatic itself passes over a file of a package that is older than its last copy.
    """
    with settings.STATIC_ROOT.with_suffix(".collected").open("a+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        mark.seek(0)
        digest = digest_of_installed()
        if mark.read() == digest and (settings.STATIC_ROOT / "staticfiles.json").exists():
            return
        mark.truncate(0)
        shutil.rmtree(settings.STATIC_ROOT, ignore_errors=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        # Written last: a start that is killed half-way is made up for by the next.
        mark.write(digest)


def digest_of_installed() -> str:
    """Of all that decides what collectstatic makes."""
    digest = hashlib.sha256(django.__version__.encode() + STORAGE.read_bytes())
    for finder in get_finders():
        for path, storage in finder.list(None):
            with storage.open(path) as file:
                digest.update(f"\0{path}\0{hashlib.sha256(file.read()).hexdigest()}".encode())
    return digest.hexdigest()
