"""A git repository served over HTTP by git's own `git http-backend`, as a forge serves one for cloning.

The backend is a CGI program (RFC 3875); this is the least of a web server that can run it.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class GitServer:
    """Serves every repository under `root`, read only."""

    root: Path
    url: str

    def clone_url(self, repository: Path) -> str:
        """The URL that `git clone` takes for a repository that lies under `root`."""
        return f"{self.url}/{repository.resolve().relative_to(self.root.resolve())}"


@contextmanager
def serving(root: Path, authorization: str = "") -> Iterator[GitServer]:
    """The repositories under `root`, on a free port of loopback; with `authorization`, only for those who send it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(root, authorization))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield GitServer(root=root, url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(root: Path, authorization: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _run(self) -> None:
            body = self._body()
            if authorization and self.headers.get("Authorization") != authorization:
                self.send_error(401)
                return
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=self._environment(len(body)), capture_output=True, check=False
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            status = next((value for name, value in fields if name == "Status"), "200 OK" if fields else "500 Failed")
            self.send_response(int(status.split()[0]))
            for name, value in fields:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _environment(self, length: int) -> dict[str, str]:
            path, _, query = self.path.partition("?")
            return {
                "PATH": os.environ["PATH"],
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_ADDR": "127.0.0.1",
                "SERVER_PROTOCOL": "HTTP/1.1",
            }

        do_GET = do_POST = _run  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None:
            """Silent: git itself says what it does not like."""

    return Handler
