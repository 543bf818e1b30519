"""What Bundles and resources mean to a load."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.loading.entries import bundle_items, is_whole, whole, writing

PATIENT = {"resourceType": "Patient", "id": "a"}
NAMELESS = {"resourceType": "Patient"}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def requests(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [item.entry()["request"] for item in bundle_items(resource)]


def test_a_resource_with_an_id_is_put_under_it_and_one_without_is_posted() -> None:
    assert writing(PATIENT)["request"] == {"method": "PUT", "url": "Patient/a"}
    assert writing(NAMELESS)["request"] == {"method": "POST", "url": "Patient"}


def test_a_transaction_goes_in_whole_and_as_it_is() -> None:
    transaction = bundle("transaction", {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/a"}})
    assert is_whole(transaction)
    assert whole(transaction) is transaction


def test_a_collection_is_put_resource_by_resource() -> None:
    collection = bundle("collection", {"fullUrl": "http://there.example/Patient/a", "resource": PATIENT})
    assert not is_whole(collection)
    assert requests(collection) == [{"method": "PUT", "url": "Patient/a"}]


def test_a_collection_that_names_entries_by_urn_goes_in_whole_and_keeps_the_names() -> None:
    name = "urn:uuid:7d3a9a39-9f0b-4b0f-8e9b-3f3f7c0d8a51"
    collection = bundle("collection", {"fullUrl": name, "resource": NAMELESS})
    assert is_whole(collection)
    assert whole(collection) == bundle(
        "transaction", {"fullUrl": name, "resource": NAMELESS, "request": {"method": "POST", "url": "Patient"}}
    )


def test_the_outcome_entry_of_a_search_result_is_no_resource_to_keep() -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    found = bundle("searchset", {"resource": PATIENT, "search": {"mode": "match"}}, outcome)
    assert requests(found) == [{"method": "PUT", "url": "Patient/a"}]


@pytest.mark.parametrize("kind", ["document", "message"])
def test_documents_and_messages_are_kept_as_the_bundles_they_are(kind: str) -> None:
    document = {**bundle(kind, {"resource": PATIENT}), "id": "doc"}
    assert not is_whole(document)
    assert requests(document) == [{"method": "PUT", "url": "Bundle/doc"}]


def test_entries_of_a_batch_keep_their_request_and_lose_their_full_url() -> None:
    request = {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=x"}
    (item,) = bundle_items(bundle("batch", {"fullUrl": "urn:uuid:x", "resource": NAMELESS, "request": request}))
    assert item.entry() == {"resource": NAMELESS, "request": request}


def test_a_batch_entry_that_reads_cannot_be_loaded() -> None:
    (item,) = bundle_items(bundle("batch", {"request": {"method": "GET", "url": "Patient/a"}}))
    with pytest.raises(Unprocessable, match="not GET"):
        item.entry()


def test_a_history_bundle_is_refused_with_the_types_that_can_be_loaded() -> None:
    with pytest.raises(Unprocessable, match="type history cannot be loaded; transaction, batch"):
        list(bundle_items(bundle("history")))


def test_entries_that_are_no_objects_are_refused() -> None:
    with pytest.raises(Unprocessable, match="list of objects"):
        list(bundle_items({"resourceType": "Bundle", "type": "batch", "entry": ["Patient"]}))
