"""A stand-in for a Hugging Face hub: the part of its endpoint that a push of files speaks to."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_the-operators-own"


@dataclass
class Hub:
    """What the hub was told. Files above `large` bytes go by LFS; `forbidden` namespaces answer 403."""

    url: str = ""
    large: int = 10_000
    forbidden: set[str] = field(default_factory=set)
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0
    tokens: set[str] = field(default_factory=set)


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        said = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    said: Hub

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(404, {"error": "there is nothing to read here"})

    def do_PUT(self) -> None:
        """Large files, on their way to storage: without the token."""
        self.said.objects[self.path.rpartition("/")[2]] = self._body()
        self._answer(200, {})

    def do_POST(self) -> None:
        content = self._body()
        path = self.path.partition("?")[0].strip("/").split("/")
        if path[-2:] == ["objects", "batch"]:
            return self._answer(200, self._batch(json.loads(content)))
        self.said.tokens.add(self.headers.get("Authorization", ""))
        if path == ["api", "validate-yaml"]:
            return self._answer(200, {"errors": [], "warnings": []})
        if path == ["api", "repos", "create"]:
            return self._create(json.loads(content))
        repository = "/".join(path[2:4])
        if path[4] == "preupload":
            return self._answer(200, self._modes(json.loads(content)))
        if path[4] == "commit":
            return self._commit(repository, content)
        return self._answer(404, {"error": f"no such call: {self.path}"})

    def _create(self, wanted: dict[str, Any]) -> None:
        repository = f"{wanted['organization']}/{wanted['name']}"
        where = f"{self.said.url}/datasets/{repository}"
        if wanted["organization"] in self.said.forbidden:
            return self._answer(403, {"error": "You may not write here."})
        if repository in self.said.repositories:
            return self._answer(409, {"error": "You have it already", "url": where})
        self.said.repositories[repository] = wanted
        return self._answer(200, {"url": where})

    def _modes(self, wanted: dict[str, Any]) -> dict[str, Any]:
        modes = {True: "lfs", False: "regular"}
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": modes[file["size"] > self.said.large],
                    "shouldIgnore": False,
                }
                for file in wanted["files"]
            ]
        }

    def _batch(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {
            "transfer": "basic",
            "objects": [
                {
                    "oid": one["oid"],
                    "size": one["size"],
                    "actions": {"upload": {"href": f"{self.said.url}/storage/{one['oid']}"}},
                }
                for one in wanted["objects"]
            ],
        }

    def _commit(self, repository: str, content: bytes) -> None:
        files = self.said.files.setdefault(repository, {})
        for line in content.splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                files[value["path"]] = self.said.objects[value["oid"]]
        self.said.commits += 1
        digest = sha1(content, usedforsecurity=False).hexdigest()
        self._answer(
            200,
            {
                "success": True,
                "commitOid": digest,
                "commitUrl": f"{self.said.url}/datasets/{repository}/commit/{digest}",
            },
        )

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(self, status: int, said: dict[str, Any]) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
