"""The registry of operations: where each can be asked for, and how it is listed."""

from __future__ import annotations

import importlib

import pytest

from fhir_server.operations import registry
from fhir_server.operations.registry import OPERATIONS, Operation, described, operation_at
from fhir_server.operations.reindex import reindex


def test_every_operation_is_a_file_of_its_name() -> None:
    for name, operation in OPERATIONS.items():
        module = importlib.import_module(f"fhir_server.operations.{name.replace('-', '_')}")
        assert operation.perform is getattr(module, name.replace("-", "_"))
        assert operation.name == name
        assert ":" in operation.definition


@pytest.mark.parametrize(
    ("name", "type", "id", "there"),
    [
        ("all", None, None, True),
        ("all", "Patient", None, True),
        ("all", "Patient", "1", True),
        ("some", "Patient", None, False),
        ("some", "Patient", "1", True),
        ("some", "Claim", "1", False),
        ("some", None, None, False),
        ("none", None, None, False),
    ],
)
def test_an_operation_is_there_at_its_levels_for_its_types(
    monkeypatch: pytest.MonkeyPatch, name: str, type: str | None, id: str | None, there: bool
) -> None:
    rows = (
        Operation("all", "urn:all", reindex, ("system", "type", "instance"), needs="reindex"),
        Operation("some", "urn:some", reindex, ("instance",), ("Patient",), needs="reindex"),
    )
    monkeypatch.setattr(registry, "OPERATIONS", {each.name: each for each in rows})
    assert (operation_at(name, type, id) is not None) is there
    assert described() == (
        {"name": "all", "definition": "urn:all"},
        {"name": "all", "definition": "urn:all", "resource": "Resource"},
        {"name": "some", "definition": "urn:some", "resource": "Patient"},
    )


def test_reindex_is_listed_at_the_system() -> None:
    assert "get-ws-binding-token" in {each["name"] for each in described()}
    assert "get-ws-binding-token" not in {each["name"] for each in described(sockets=False)}
    assert {"name": "reindex", "definition": "urn:fhir-health-server:operation:reindex"} in described()
