"""URIs and what is above and below them (http://hl7.org/fhir/R4/search.html#uri)."""

from __future__ import annotations

import pytest

from fhir_server.search.query import And, Node, Or, Token, Uri
from tests.fakes.searching import BASE, refusal, where

SET = "http://acme.org/fhir/ValueSet/123"


@pytest.mark.parametrize(
    ("name", "value", "node"),
    [
        ("url", SET, Uri("url", SET)),
        ("url", "urn:oid:1.2.3.4.5", Uri("url", "urn:oid:1.2.3.4.5")),
        ("url:below", "http://acme.org/fhir/", Uri("url", "http://acme.org/fhir/", mode="below")),
        ("url:above", SET + "/_history/5", Uri("url", SET + "/_history/5", mode="above")),
        ("url", SET + "|2.0", Or((And((Uri("url", SET), Token("version", None, "2.0"))), Uri("url", SET + "|2.0")))),
        ("url", "ValueSet/123", Uri("url", "ValueSet/123")),
        ("_profile", SET + "|2.0", Or((Uri("_profile", SET, "2.0"), Uri("_profile", SET + "|2.0")))),
        (
            "_profile",
            "StructureDefinition/lipid",
            Or(
                (
                    Uri("_profile", "StructureDefinition/lipid"),
                    Uri("_profile", BASE + "/StructureDefinition/lipid"),
                )
            ),
        ),
    ],
)
def test_uris_are_read_in_their_forms(name: str, value: str, node: Node) -> None:
    assert where("ValueSet", name, value) == node


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("url:above", "urn:oid:1.2.3", "for URLs"),
        ("url:below", SET + "|2.0", "without a version"),
        ("url", SET + "|2.0|3", "url|version"),
        ("url:contains", SET, ":contains is not answered"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: str, says: str) -> None:
    assert says in str(refusal("ValueSet", (name, value)))
