"""What a server says of subscriptions that offers none, and what it answers to one."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e.subscriptions.conftest import Fhir
from tests.fakes.command import Running
from tests.fakes.subscribing import WEIGHTS, subscription


def test_without_channels_nothing_is_advertised_or_taken(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text("subscription_channels = []\n")
    flags = ["serve", "--config", str(file), "--auth", "open", "--port", "0", "--store", f"sqlite:///{tmp_path}/x.db"]
    with Running(flags, tmp_path, log=tmp_path / "log") as running, httpx.Client(base_url=running.root) as http:
        fhir = Fhir(http)
        statement = fhir.read("metadata")
        (rest,) = statement["rest"]
        (resource,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
        assert not {"instantiates", "extension"} & {*statement, *rest, *resource}
        assert "supportedProfile" not in resource
        refused = fhir.ask("POST", "Subscription", subscription(WEIGHTS, "https://chart.example.org/fhir"))
    assert refused.status_code == 422
    assert "it has none at all" in refused.text
