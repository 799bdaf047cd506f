"""A hub on this machine that speaks as much of the Hugging Face hub's language as huggingface_hub asks for."""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from priorkit.runs import Run, load_run

TOKEN = "hf_a_token_of_the_tests"


class FakeHub:
    """Repositories in memory, and what goes wrong with them.

    Attributes:
        repositories: Files by branch, by repository.
        private: The repositories that only who has the token sees.
        large: Endings of the files that are uploaded by the protocol for large ones.
        status: What every answer's status is, if it is not what it should be.
        cut: Endings of the files of which only half is sent.
        silent: Whether no request is answered.
        requests: The method and path of each request.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.objects: dict[str, bytes] = {}
        self.messages: list[str] = []
        self.large: tuple[str, ...] = (".safetensors",)
        self.status: int | None = None
        self.cut: tuple[str, ...] = ()
        self.silent = threading.Event()
        self.released = threading.Event()
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def files(self, repository: str, revision: str = "main") -> dict[str, bytes] | None:
        """The files of a branch, or of the branch whose newest commit it is."""
        branches = self.repositories.get(repository, {})
        return next((files for name, files in branches.items() if revision in (name, commit(files))), None)


def commit(files: dict[str, bytes]) -> str:
    return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer("GET")

        def do_HEAD(self) -> None:
            self._answer("HEAD")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PUT(self) -> None:
            self._answer("PUT")

        def _answer(self, method: str) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{method} {path}")
            body = self._body()
            if hub.silent.is_set():
                hub.released.wait(60)
                self.close_connection = True
                return
            if hub.status is not None:
                self._send(hub.status, {"error": "as the test says"})
                return
            for way, pattern, answer in routes:
                if way == method.replace("HEAD", "GET") and (match := re.fullmatch(pattern, path)):
                    answer(self, body, *match.groups())
                    return
            self._send(404, {"error": f"no such thing: {method} {path}"})

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _send(self, status: int, value: Any, **headers: str) -> None:
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), text)
            self.end_headers()
            if self.command == "HEAD":
                return
            half = len(content) // 2 if self.path.endswith(hub.cut or ("?",)) else len(content)
            self.wfile.write(content[:half])
            self.close_connection = self.close_connection or half < len(content)

        def _known(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def _seen(self, repository: str) -> bool:
            """Whether the repository is there for who asks; the answer is sent if not."""
            if repository in hub.repositories and (self._known() or repository not in hub.private):
                return True
            self._send(404 if self._known() else 401, {"error": "not found"}, X_Error_Code="RepoNotFound")
            return False

        def create(self, body: bytes) -> None:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if not self._known():
                self._send(401, {"error": "Invalid username or password."})
            elif name in hub.repositories:
                self._send(409, {"error": "it is there already", "url": f"{hub.url}/{name}"})
            else:
                hub.repositories[name] = {"main": {".gitattributes": b"*.safetensors filter=lfs\n"}}
                hub.private |= {name} if asked.get("private") or asked.get("visibility") == "private" else set()
                self._send(200, {"url": f"{hub.url}/{name}"})

        def validate(self, body: bytes) -> None:
            self._send(200, {"errors": [], "warnings": []})

        def branch(self, body: bytes, repository: str, name: str) -> None:
            taken = name in hub.repositories[repository]
            hub.repositories[repository].setdefault(name, dict(hub.repositories[repository]["main"]))
            self._send(409 if taken else 200, {})

        def preupload(self, body: bytes, repository: str) -> None:
            modes = {True: "lfs", False: "regular"}
            files = [
                {"path": file["path"], "uploadMode": modes[file["path"].endswith(hub.large)], "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._send(200, {"files": files})

        def batch(self, body: bytes, repository: str) -> None:
            actions = [
                {**item, "actions": {"upload": {"href": f"{hub.url}/lfs/{item['oid']}"}}}
                for item in json.loads(body)["objects"]
            ]
            self._send(200, {"transfer": "basic", "objects": actions})

        def store(self, body: bytes, oid: str) -> None:
            assert hashlib.sha256(body).hexdigest() == oid
            hub.objects[oid] = body
            self._send(200, {})

        def commit(self, body: bytes, repository: str, revision: str) -> None:
            files = hub.files(repository, revision)
            assert files is not None
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                match line["key"]:
                    case "header":
                        if value.get("parentCommit") != commit(files):
                            self._send(412, {"error": "it has changed"})
                            return
                        hub.messages.append(value["summary"])
                    case "file":
                        files[value["path"]] = base64.b64decode(value["content"])
                    case "lfsFile":
                        files[value["path"]] = hub.objects[value["oid"]]
                    case "deletedFile":
                        del files[value["path"]]
            self._send(200, {"commitUrl": f"{hub.url}/{repository}/commit/x", "commitOid": commit(files)})

        def info(self, body: bytes, repository: str, revision: str | None) -> None:
            if self._seen(repository):
                files = hub.files(repository, revision or "main")
                if files is None:
                    self._send(404, {"error": "no such revision"}, X_Error_Code="RevisionNotFound")
                    return
                siblings = [{"rfilename": name, "size": len(content), "blobId": "0"} for name, content in files.items()]
                self._send(
                    200,
                    {
                        "id": repository,
                        "modelId": repository,
                        "sha": commit(files),
                        "siblings": siblings,
                        "private": repository in hub.private,
                    },
                )

        def resolve(self, body: bytes, repository: str, revision: str, name: str) -> None:
            if self._seen(repository):
                files = hub.files(repository, revision)
                if files is None or name not in files:
                    self._send(404, {"error": "no such file"}, X_Error_Code="EntryNotFound")
                    return
                etag = hashlib.sha256(files[name]).hexdigest()
                self._send(200, files[name], X_Repo_Commit=commit(files), ETag=f'"{etag}"')

    name = r"([^/]+/[^/]+)"
    routes: list[tuple[str, str, Callable[..., None]]] = [
        ("POST", "/api/repos/create", Handler.create),
        ("POST", "/api/validate-yaml", Handler.validate),
        ("POST", f"/api/models/{name}/branch/(.+)", Handler.branch),
        ("POST", f"/api/models/{name}/preupload/.+", Handler.preupload),
        ("POST", f"/{name}.git/info/lfs/objects/batch", Handler.batch),
        ("PUT", "/lfs/([0-9a-f]+)", Handler.store),
        ("POST", f"/api/models/{name}/commit/(.+)", Handler.commit),
        ("GET", f"/api/models/{name}(?:/revision/(.+))?", Handler.info),
        ("GET", f"/{name}/resolve/([^/]+)/(.+)", Handler.resolve),
    ]
    return Handler


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests has a token of the fake hub, and no other; caches are empty."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hub(as_user: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub, which HF_ENDPOINT names."""
    running = FakeHub()
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    # As it is where the variable was set before the package was imported; its earlier versions ask for no other.
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", running.url + template)
    yield running
    running.close()


@pytest.fixture
def no_hub(as_user: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    return url


@pytest.fixture
def trained(trained_path: Path, registry: Any) -> Run:
    """A run that is never changed."""
    return load_run(trained_path, device="cpu", registry=registry)
