"""npm's `openid-client`, the strictest reader of discovery, tokens and answers that there is."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.clinic import SCOPE, Clinic, clinic_in, words
from tests.fakes.node import external_folder, run_script
from tests.fakes.visitor import CALLBACK, Pkce, Visitor

pytestmark = pytest.mark.external


def converse(asked: dict[str, Any], visitor: Visitor) -> dict[str, Any]:
    """Run `openid.mjs`; go where it sends the user, and return what it says at last."""
    command = ["node", "openid.mjs", json.dumps(asked)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=external_folder(), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        while True:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said = dict(json.loads(line))
            if "visit" not in said:
                return said
            process.stdin.write(visitor.leave(said["visit"]) + "\n")
            process.stdin.flush()


def test_an_app_with_a_secret_does_all_that_openid_connect_has(clinic: Clinic) -> None:
    bye, email = "http://127.0.0.1:9/bye", clinic.patient()
    app = clinic.app(token_endpoint_auth_method="client_secret_basic", post_logout_redirect_uris=[bye])
    asked = {"what": "app", "issuer": clinic.base, "client": app["client_id"], "secret": app["client_secret"]}
    with Visitor(clinic.root, email) as visitor:
        said = converse(asked | {"scope": SCOPE, "redirect": CALLBACK, "bye": bye}, visitor)
        assert "/login" in visitor.open(clinic.authorization(app, Pkce())).text
    id = clinic.id_of(email)
    assert said["claims"]["fhirUser"] == said["user"]["fhirUser"] == f"{clinic.base}/Patient/{id}"
    assert (said["patient"], said["known"]["active"], said["known"]["patient"]) == (id, True, id)
    assert words(said["known"]["scope"]) == words(said["again"]) == words(SCOPE)
    assert (said["after"], said["bye"]) == ({"active": False}, True)


def test_an_app_registers_itself_and_signs_a_user_in(clinic: Clinic) -> None:
    email = clinic.patient()
    asked = {"what": "registers", "issuer": clinic.base, "scope": "openid patient/Patient.rs", "redirect": CALLBACK}
    with Visitor(clinic.root, email) as visitor:
        said = converse(asked, visitor)
    assert said["patient"] == clinic.id_of(email)


@pytest.fixture(scope="module")
def port() -> int:
    """A port that is free, where a service will publish its keys."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def reaching(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Clinic]:
    """A clinic that may ask that port although it is internal."""
    folder = tmp_path_factory.mktemp("reaching")
    with clinic_in(folder, FHIR_SERVER_FETCH_ORIGINS=f"http://127.0.0.1:{port}") as clinic:
        yield clinic


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_service_whose_keys_are_fetched_gets_a_token(reaching: Clinic, port: int, algorithm: str) -> None:
    address = f"http://127.0.0.1:{port}/{algorithm}.json"
    app = reaching.service(jwks=None, jwks_uri=address, scope="system/Patient.rs")
    asked = {
        "what": "service",
        "issuer": reaching.base,
        "client": app["client_id"],
        "algorithm": algorithm,
        "port": port,
    }
    said = run_script("openid.mjs", asked | {"scope": "system/Patient.rs"})
    assert said == {"scope": "system/Patient.rs", "expires": 300, "status": 200}
