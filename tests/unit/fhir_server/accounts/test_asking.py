"""Asking the external provider, within bounds."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from fhir_server.accounts.asking import BYTES, asking


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {"/ok": (200, b"{}"), "/big": (200, b"x" * (BYTES + 1)), "/away": (302, b"")}.get(
            self.path, (404, b"no")
        )
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ok")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "body"), [("/ok", b"{}"), ("/big", None), ("/away", None), ("/nothing", None)])
async def test_only_a_whole_answer_of_bounded_size_counts(root: str, path: str, body: bytes | None) -> None:
    assert await asking("GET", root + path, None, {}) == body


@pytest.mark.parametrize(
    "url", ["http://example.org/", "file:///etc/passwd", "http://127.0.0.1:9/", "https://", "http://127.0.0.1.evil/"]
)
async def test_what_is_not_there_or_not_safe_answers_nothing(url: str) -> None:
    assert await asking("GET", url, None, {}) is None
