"""Asking the external provider and the addresses of apps, within bounds."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from fhir_server.accounts.asking import asking, getting
from fhir_server.fetching import BYTES, Fetcher

TOKEN = "Bearer a.b.c"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {"/ok": (200, b"{}"), "/big": (200, b"x" * (BYTES + 1)), "/away": (302, b"")}.get(
            self.path, (404, b"no")
        )
        self.answer(status, self.headers.get("Authorization", "").encode() if self.path == "/who" else body)

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, self.headers["Content-Type"].encode() + b" " + said)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(200 if self.path == "/who" else status)
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
    fetcher = Fetcher([root])
    assert await asking(fetcher)("GET", root + path, None, {}) == body
    await fetcher.close()


async def test_a_form_goes_as_one_and_headers_with_it(root: str) -> None:
    fetcher = Fetcher([root])
    said = await asking(fetcher)("POST", f"{root}/token", {"code": "a b&c", "client_id": "é"}, {})
    assert said == b"application/x-www-form-urlencoded code=a+b%26c&client_id=%C3%A9"
    assert await asking(fetcher)("GET", f"{root}/who", None, {"Authorization": TOKEN}) == TOKEN.encode()
    await fetcher.close()


@pytest.mark.parametrize(
    "url", ["http://example.org/", "file:///etc/passwd", "http://127.0.0.1:9/", "https://", "http://127.0.0.1.evil/"]
)
async def test_what_is_not_there_or_not_safe_answers_nothing(url: str) -> None:
    fetcher = Fetcher(["http://127.0.0.1:9"])
    assert await asking(fetcher)("GET", url, None, {}) is None
    assert await getting(fetcher)(url) is None
    await fetcher.close()


async def test_what_the_operator_has_not_named_is_not_asked(root: str) -> None:
    fetcher = Fetcher()
    assert await asking(fetcher)("GET", f"{root}/ok", None, {}) is None
    await fetcher.close()


async def test_an_app_is_told_what_its_address_answers_whatever_that_is(root: str) -> None:
    fetcher = Fetcher([root])
    answer = await getting(fetcher)(f"{root}/nothing")
    assert answer is not None
    assert (answer.status, answer.content) == (404, b"no")
    await fetcher.close()
