"""What OpenAPI says of the values of views is what the views take and show.

Patterns are read as ECMAScript has them, which JSON Schema wants: `$` is the end, also after a line end.
"""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from fhir_server.api.documented import document_views
from mappings.transactions.act import Act
from mappings.transactions.record import create_record
from mappings.views.check import check
from mappings.views.gather import gather
from mappings.views.kind import FILLED, ID, LINE, MOMENT, TEXT, WHEN, Kind
from mappings.views.medical_record import VIEW
from mappings.views.moments import DAY
from mappings.views.show import show
from tests.properties.record_strategies import RECORDS

KINDS = (TEXT, FILLED, LINE, ID, MOMENT, WHEN, DAY)
ODD = ("", " ", "\u00a0", "\u2028", "\ufeff", "\x0b", "\x85", "\t", "a\n", "\n", "a\tb", "\ufffe", "2024-02-30", "2024")
EVERY = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    st.sampled_from(ODD),
    st.from_regex(r"[0-9]{4}(-[0-9]{2}){0,2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2}))?", fullmatch=True),
)


def schemas() -> dict[str, Any]:
    api = FastAPI()
    document_views(api)
    found: dict[str, Any] = api.openapi()["components"]["schemas"]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(EVERY)
@example("2024-02-29T23:59:60.5+14:00")
@example("2024-02-29t10:00:00z")
def test_a_schema_takes_what_its_kind_takes(kind: Kind, text: str) -> None:
    assert Draft202012Validator(kind.schema).is_valid(text) == (kind.fault(text) is None)


@given(RECORDS)
def test_records_are_sent_and_shown_as_documented(record: dict[str, Any]) -> None:
    named = schemas()
    sent = Draft202012Validator(named["NewMedicalRecord"])
    assert sent.is_valid(record) == (not check(VIEW, record))
    ids = iter(f"made-{number}" for number in range(100))
    act = Act("Practitioner/1", "2026-03-02T09:30:00Z", lambda: next(ids))
    made = create_record(record | {"attachments": []}, act)
    stored = [entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] != "Provenance"]
    for each in stored:
        each["meta"] = each.get("meta", {}) | {"lastUpdated": act.moment, "versionId": "1"}
    (parts,) = gather(VIEW, stored)
    Draft202012Validator(named["MedicalRecord"]).validate(show(VIEW, parts))
