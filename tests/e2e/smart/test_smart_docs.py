"""The examples of docs/how-to/connect-an-app.md, run as they stand there but for addresses and ids."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.fakes.authority import PASSWORD
from tests.fakes.clinic import Clinic, observation
from tests.fakes.node import chromium, external_folder, run_script
from tests.fakes.quiet import Quiet
from tests.fakes.visitor import Visitor

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "connect-an-app.md"
SCOPE = "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs"


def example(kind: str, holds: str, **changes: str) -> str:
    """Return the block of that kind that has `holds` in it, with what a reader is to put in."""
    found = [block for block in re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.S) if holds in block]
    assert len(found) == 1, holds
    text = found[0]
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def at(clinic: Clinic, text: str, port: int) -> str:
    """Return an example with the addresses of this test."""
    return text.replace("http://127.0.0.1:8080", clinic.root).replace("9000", str(port))


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_an_app_with_a_server_of_its_own(clinic: Clinic, tmp_path: Path, port: int) -> None:
    email, back = clinic.patient(), f"http://127.0.0.1:{port}/callback"
    app = clinic.app(redirect_uris=[back], token_endpoint_auth_method="client_secret_basic", scope=SCOPE)
    ids = {"CLIENT_ID": app["client_id"], "CLIENT_SECRET": app["client_secret"]}
    text = at(clinic, example("python", "handle_callback", **ids), port)
    (tmp_path / "app.py").write_text(text)
    command = [sys.executable, str(tmp_path / "app.py")]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Visitor(clinic.root, email) as visitor,
    ):
        assert process.stdout is not None
        address = visitor.leave(process.stdout.readline().strip())
        assert httpx.get(address, timeout=30).text == "You may close this page."
        assert process.stdout.readline().strip() == clinic.id_of(email)


def test_a_service(clinic: Clinic, tmp_path: Path) -> None:
    def run(text: str) -> str:
        done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(example("python", "generate_key"))
    keys = json.loads((tmp_path / "public.json").read_text())
    app = clinic.service(jwks=keys, scope="system/Patient.rs system/Observation.rs")
    said = run(at(clinic, example("python", "fetch_token", CLIENT_ID=app["client_id"]), 0))
    assert re.fullmatch(r"system/Patient.rs \d+\n", said)


@pytest.mark.external
def test_an_app_in_the_browser(clinic: Clinic, tmp_path: Path) -> None:
    email, folder = clinic.patient(), tmp_path / "app"
    id = clinic.id_of(email)
    clinic.http.post("/fhir/Observation", json=observation(id), headers=clinic.login(email)).raise_for_status()
    folder.mkdir()
    shutil.copy(external_folder() / "node_modules/fhirclient/build/fhir-client.min.js", folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{server.server_port}/index.html"
        app = clinic.app(redirect_uris=[start])
        library = {"https://cdn.jsdelivr.net/npm/fhirclient@2.6.3/build/": ""}
        text = example("html", "oauth2", CLIENT_ID=app["client_id"], **library)
        (folder / "index.html").write_text(at(clinic, text, server.server_port))
        more = {"locale": "en-GB", "width": 800, "shots": "", "start": start, "email": email, "password": PASSWORD}
        said = run_script("visit.mjs", {"browser": chromium(), "profile": str(tmp_path / "profile"), **more})
        server.shutdown()
    assert said["told"] == {"patient": id, "total": 1}
