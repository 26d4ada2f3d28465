"""Which Chromium is driven, and how it is started."""

import os
import shutil

# For a browser that is run by root, in a container, and calls nobody.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
MISSING = (
    "The browser tests need Chromium: install it (on Debian: apt-get install chromium), or set "
    "CHROMIUM to the path of one."
)


def chromium() -> str | None:
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return os.environ.get("CHROMIUM") or next(filter(None, found), None)
