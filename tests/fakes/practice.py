"""A server with accounts in a process of its own, and people who have signed in there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.authority import PASSWORD
from tests.fakes.command import Running, fhir_server
from tests.fakes.patience import PATIENCE

ADMIN = "root@clinic.example"
Json = dict[str, Any]


class Person:
    """Somebody who has signed in."""

    def __init__(self, http: httpx.Client, data: Json) -> None:
        self._http = http
        self.id: str = data["user"]["id"]
        self.token: str = data["tokens"]["access_token"]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask the JSON API, or with a path below `/fhir/` that one."""
        whole = path if path.startswith("/") else f"/api/v1/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, whole, json=body, headers={"Authorization": f"Bearer {self.token}", **named})

    def send(self, path: str, name: str, content: bytes, type: str) -> httpx.Response:
        """Send a file as a form does."""
        files = {"file": (name, content, type)}
        return self._http.post(f"/api/v1/{path}", files=files, headers={"Authorization": f"Bearer {self.token}"})


class Practice:
    """The server and its administrator."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        signed = http.post("/api/v1/auth/login", json={"email": ADMIN, "password": PASSWORD})
        self.admin = Person(http, signed.json()["data"])

    def register(self, email: str, role: str = "patient", **more: str) -> Person:
        """Open an account."""
        user = {"email": email, "password": PASSWORD, "role": role, **more}
        return Person(self.http, self.http.post("/api/v1/auth/register", json={"user": user}).json()["data"])

    def doctor(self, email: str, rpps: str) -> Person:
        """Open the account of a doctor, and confirm it."""
        return self.confirm(self.register(email, "doctor", rpps=rpps))

    def confirm(self, doctor: Person) -> Person:
        """Confirm a doctor as an administrator does."""
        assert self.admin.ask("POST", f"/admin/users/{doctor.id}/confirm").status_code == 200
        return doctor

    def letter(self, log: Path, subject: str) -> str:
        """Wait for a letter in the log of the server, and return the code in it."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            _, found, rest = log.read_text(encoding="utf-8").partition(subject)
            if found:
                return str(re.findall(r"^\s*([\w-]{20,})\s*$", rest, re.MULTILINE)[0])
            time.sleep(0.05)
        raise AssertionError(f"no letter {subject!r}")


@contextmanager
def open_practice(folder: Path, log: Path | None = None) -> Iterator[Practice]:
    """Open a practice with an empty store in `folder`; with `log` its letters can be read there."""
    store = f"sqlite:///{folder}/fhir.db"
    added = fhir_server(
        *("user", "add", ADMIN, "--role", "admin", "--store", store), folder=folder, FHIR_USER_PASSWORD=PASSWORD
    )
    assert added.returncode == 0
    with (
        Running(["serve", "--port", "0", "--store", store], folder, log=log, FHIR_SERVER_RATE_FACTOR="1000") as running,
        httpx.Client(base_url=running.root, timeout=30) as client,
    ):
        yield Practice(client)
