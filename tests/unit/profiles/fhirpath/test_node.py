"""Nodes and the resources around them."""

from __future__ import annotations

import pytest

from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.node import Node, Scope


def test_a_node_knows_its_type_and_the_place_of_its_definition() -> None:
    resource = {"resourceType": "Observation"}
    component = Node.of({}, "BackboneElement", root=resource, path="Observation.component")
    assert (component.type, component.place) == ("BackboneElement", ("Observation", "component"))
    address = Node.of({}, "Address", root=resource, path="Organization.address")
    assert (address.type, address.place) == ("Address", ("Address", ""))


def test_nodes_of_one_resource_can_share_a_scope() -> None:
    scope = Scope.of({"resourceType": "Patient", "id": "1"})
    node = Node.of("male", "code", root=scope, sibling={"id": "x"})
    assert node.scope is scope
    assert compile_expression("%resource.id | id").nodes_from(node)[0].value == "1"


def test_a_resource_needs_a_known_type() -> None:
    with pytest.raises(FhirPathTypeError):
        Scope.of({"resourceType": "Nope"})
    with pytest.raises(KeyError):
        Node.of({}, "Nope", root={"resourceType": "Patient"})


def test_contained_resources_have_their_container_as_root() -> None:
    patient = {"resourceType": "Patient", "id": "p", "contained": [{"resourceType": "Organization", "id": "o"}]}
    inner = compile_expression("contained").nodes(patient)[0]
    assert [n.value for n in compile_expression("%resource.id").nodes_from(inner)] == ["o"]
    assert [n.value for n in compile_expression("%rootResource.id").nodes_from(inner)] == ["p"]


def test_entries_of_a_bundle_are_their_own_root() -> None:
    bundle = {"resourceType": "Bundle", "id": "b", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]}
    inner = compile_expression("entry.resource").nodes(bundle)[0]
    assert [n.value for n in compile_expression("%rootResource.id").nodes_from(inner)] == ["p"]
    assert inner.scope.outermost.resource is bundle
