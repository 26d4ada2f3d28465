"""The health checks of docker-compose.yml: exit code 0 is healthy. Imports no Django, so it costs little.

web:  the server answers /healthz, asked by the name that people use.
beat: its schedule, which it writes every three minutes, is fresh.
"""

import http.client
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

FRESH_SECONDS = 600


def web() -> bool:
    host = urlsplit(os.environ["PUBLIC_URL"]).netloc
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["WEB_PORT"]), timeout=4)
    connection.request("GET", "/healthz", headers={"Host": host})
    return connection.getresponse().status == 200


def beat() -> bool:
    # The database module may add an ending to the name.
    files = Path(os.environ["DATA_DIR"]).glob("beat-schedule*")
    return any(time.time() - file.stat().st_mtime < FRESH_SECONDS for file in files)


if __name__ == "__main__":
    healthy = {"web": web, "beat": beat}[sys.argv[1]]
    sys.exit(0 if healthy() else 1)
