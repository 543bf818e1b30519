"""Drafts: a resource as bytes that need only the facts of its version (http://hl7.org/fhir/R4/resource.html#Meta)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.model.draft import cut, draft, headed, stamped
from fhir_server.model.fhir_json import encode
from fhir_server.model.resource import instant, stamp

TIME = 1_706_702_400_123_999


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Basic"},
        {"resourceType": "Basic", "id": "sent"},
        {"resourceType": "Basic", "meta": {}},
        {"meta": {"versionId": "7", "_lastUpdated": {"id": "x"}, "lastUpdated": "2000-01-01"}, "resourceType": "Basic"},
        {"resourceType": "Basic", "code": {"text": 'é\n"}'}, "meta": {"versionId": "7", "profile": ["http://p"]}},
        {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1.10")}, "meta": {"tag": [{"code": "x"}]}},
    ],
)
def test_a_stamped_draft_begins_with_identity_and_meta_and_loses_nothing(resource: dict[str, Any]) -> None:
    before = dict(resource)
    type = resource["resourceType"]
    body = stamped(draft(resource), type, "kept", 12, instant(TIME))
    assert body == encode(stamp(resource, "kept", 12, TIME))
    head = b'{"resourceType":"%s","id":"kept","meta":{"versionId":"12","lastUpdated":"2024-01-31T12:00:00.123Z"'
    assert body.startswith(head % type.encode())
    assert resource == before


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Basic"},
        {"resourceType": "Basic", "id": "sent"},
        {"code": {"text": 'é\n"}'}, "id": "sent", "resourceType": "Basic"},
        {"resourceType": "Basic", "code": {"text": "a"}, "meta": {"profile": ["http://p"]}},
        {"resourceType": "Basic", "meta": {"profile": ["http://p"]}},
        {"meta": {"versionId": "7", "profile": ["http://p"]}, "resourceType": "Basic"},
        {"meta": {"_lastUpdated": {"id": "x"}, "lastUpdated": "2000-01-01"}, "resourceType": "Basic"},
    ],
)
def test_a_draft_cut_from_the_json_is_the_draft(resource: dict[str, Any]) -> None:
    before = dict(resource)
    named = headed("Basic", "kept", resource)
    assert list(named)[:2] == ["resourceType", "id"]
    body = stamped(cut(encode(named), named), "Basic", "kept", 12, instant(TIME))
    assert body == encode(stamp(resource, "kept", 12, TIME))
    assert resource == before
