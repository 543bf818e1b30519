"""Full urls and inner references of Bundles."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.validation.bundles import bundle_issues

Json = dict[str, Any]
HOME = "http://a.example/fhir/"


def entry(url: str | None, kind: str, id: str = "1", **more: Any) -> Json:
    made: Json = {"resource": {"resourceType": kind, "id": id, **more}}
    return made if url is None else {"fullUrl": url, **made}


def told(kind: str, *entries: Json) -> list[tuple[str, str, str | None]]:
    issues = bundle_issues({"resourceType": "Bundle", "type": kind, "entry": [*entries]}, "Bundle")
    return [(each.severity, each.code, each.expression) for each in issues]


HEAD = entry(HOME + "Composition/1", "Composition", author=[{"reference": "Practitioner/1"}])
AUTHOR = entry(HOME + "Practitioner/1", "Practitioner")


def test_a_relative_reference_is_read_from_where_its_entry_is() -> None:
    assert told("document", HEAD, AUTHOR) == []
    elsewhere = entry("http://b.example/Practitioner/1", "Practitioner")
    missing = ("error", "not-found", "Bundle.entry[0].resource.author[0].reference")
    assert missing in told("document", HEAD, elsewhere)


def test_an_entry_that_leads_to_the_composition_is_joined_with_it() -> None:
    provenance = entry(HOME + "Provenance/1", "Provenance", target=[{"reference": "Composition/1"}])
    assert told("document", HEAD, AUTHOR, provenance) == []


def test_a_stylesheet_needs_no_reference() -> None:
    assert told("document", HEAD, AUTHOR, entry(HOME + "Binary/1", "Binary")) == []
    assert told("document", HEAD, AUTHOR, entry(HOME + "Patient/1", "Patient")) == [
        ("warning", "structure", "Bundle.entry[2]")
    ]


@pytest.mark.parametrize("kind", ["collection", "searchset", "history"])
def test_entries_have_full_urls(kind: str) -> None:
    assert told(kind, entry(HOME + "Patient/1", "Patient")) == []
    assert told(kind, entry(None, "Patient")) == [("warning", "required", "Bundle.entry[0].fullUrl")]


@pytest.mark.parametrize("kind", ["transaction", "batch", "transaction-response", "batch-response"])
def test_entries_of_requests_and_their_responses_need_none(kind: str) -> None:
    assert told(kind, entry(None, "Patient")) == []


def test_the_outcome_of_a_search_needs_none() -> None:
    assert told("searchset", {**entry(None, "OperationOutcome"), "search": {"mode": "outcome"}}) == []
