"""Extraction: what each search type and data type gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Addition, Registry
from fhir_server.search.values import APART, BEGINNING, END, HIGHEST_KEY, LOWEST_KEY, IndexEntries, decimal_key
from profiles import definitions
from profiles.definitions import SearchParameter

BASE = "https://fhir.example.org/fhir"
REGISTRY = Registry()
EXTRACTOR = Extractor(REGISTRY)
DAY = 86_400_000_000
FEBRUARY_29 = 18_321 * DAY
"""2020-02-29T00:00:00Z in microseconds since 1970."""
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
KINDS = ("tokens", "strings", "references", "uris", "dates", "numbers", "quantities", "positions")
"""The fields of IndexEntries that hold entries."""


def entries(resource_type: str, **content: Any) -> IndexEntries:
    return EXTRACTOR.entries({"resourceType": resource_type, **content}, base=BASE)


def tokens(found: IndexEntries, name: str) -> list[tuple[str, str, int]]:
    return [(system, code, group) for each, system, code, group in found.tokens if each == name]


def nothing_but(found: IndexEntries) -> dict[str, list[Any]]:
    """Return the entries of the kinds that there are any of."""
    return {kind: entries for kind in KINDS if (entries := getattr(found, kind))}


def texts(found: IndexEntries, name: str) -> list[tuple[str, str]]:
    return [(folded, exact) for each, folded, exact, _ in found.strings if each == name]


def test_a_concept_is_searched_by_each_coding_and_by_its_texts() -> None:
    codings = [{"system": LOINC, "code": "8867-4", "display": "Heart Rate"}, {"code": "HR"}, {"display": "Pulse"}]
    found = entries("Observation", code={"coding": codings, "text": "heart  rate"})
    assert tokens(found, "code") == [(LOINC, "8867-4", 0), ("", "HR", 0)]
    assert texts(found, "code:text") == [("heart rate", ""), ("pulse", "")]


def test_a_code_with_a_required_binding_has_the_system_its_value_set_implies() -> None:
    found = entries("Patient", gender="female")
    assert tokens(found, "gender") == [("http://hl7.org/fhir/administrative-gender", "female", 0)]


def test_an_identifier_is_searched_by_value_and_by_its_type() -> None:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}], "text": "Record"}
    found = entries("Patient", identifier=[{"system": "urn:oid:1.2", "value": "7", "type": kind}])
    assert tokens(found, "identifier") == [("urn:oid:1.2", "7", 0)]
    assert tokens(found, "identifier:of-type") == [("http://terminology.hl7.org/CodeSystem/v2-0203|MR", "7", 0)]
    assert texts(found, "identifier:text") == [("record", "")]


def test_booleans_and_contact_points_are_tokens() -> None:
    found = entries("Patient", active=True, telecom=[{"system": "phone", "use": "home", "value": "+33 1"}])
    assert tokens(found, "active") == [("http://hl7.org/fhir/special-values", "true", 0)]
    assert tokens(found, "telecom") == tokens(found, "phone") == [("phone", "+33 1", 0)]
    assert tokens(found, "email") == []


def test_a_living_patient_is_found_by_deceased_false() -> None:
    assert [code for _, code, _ in tokens(entries("Patient"), "deceased")] == ["false"]
    dead = entries("Patient", deceasedDateTime="2020-02-29")
    assert [code for _, code, _ in tokens(dead, "deceased")] == ["true"]
    assert [entry[0] for entry in dead.dates] == ["death-date"]


def test_names_and_addresses_are_searched_by_each_part() -> None:
    found = entries(
        "Patient",
        name=[{"text": "Zoé Çelik", "family": "Çelik", "given": ["Zoé", None], "prefix": ["Dr"]}],
        address=[{"line": ["1 rue X"], "city": "Nîmes", "postalCode": "30000"}],
    )
    assert set(texts(found, "name")) == {
        ("zoe celik", "Zoé Çelik"),
        ("celik", "Çelik"),
        ("zoe", "Zoé"),
        ("dr", "Dr"),
    }
    assert texts(found, "given") == [("zoe", "Zoé")]
    assert set(texts(found, "address")) == {("1 rue x", "1 rue X"), ("nimes", "Nîmes"), ("30000", "30000")}


def test_family_names_are_found_from_each_of_their_words_on() -> None:
    found = entries("Patient", name=[{"text": "Ana Vega", "family": "de la Vega-Ruiz", "given": ["Ana Maria"]}])
    rests = {("la vega ruiz", ""), ("vega ruiz", ""), ("ruiz", "")}
    assert set(texts(found, "family")) == {("de la vega ruiz", "de la Vega-Ruiz"), *rests}
    assert set(texts(found, "name")) == {*texts(found, "family"), ("ana vega", "Ana Vega"), ("ana maria", "Ana Maria")}


def test_a_name_without_parts_is_found_from_each_of_its_words_on() -> None:
    found = entries("Practitioner", name=[{"text": "Dr Anne Vega"}])
    assert set(texts(found, "name")) == {("dr anne vega", "Dr Anne Vega"), ("anne vega", ""), ("vega", "")}
    assert texts(found, "family") == []


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/1", ("subject", "Patient", "1", 0, 0)),
        (BASE + "/Patient/1/_history/2", ("subject", "Patient", "1", 2, 0)),
    ],
)
def test_references_to_this_server_are_local(reference: str, expected: tuple[Any, ...]) -> None:
    found = entries("Observation", subject={"reference": reference})
    assert found.references == [expected]
    assert found.uris == []


def test_other_references_are_uris_and_those_to_contained_ones_are_there() -> None:
    foreign = entries("Observation", subject={"reference": "https://other.example.org/Patient/1/_history/2"})
    assert foreign.uris == [("subject", "https://other.example.org/Patient/1", "2", 0)]
    assert tokens(entries("Observation", subject={"reference": "#p"}), "subject:stated") == [("", "stated", 0)]
    held = entries("Observation", subject={"reference": "#p"}, contained=[{"resourceType": "Patient", "id": "p"}])
    assert tokens(held, "subject:stated") == [("Patient", "stated", 0)]


def test_a_reference_between_contained_resources_is_there() -> None:
    inner = {"resourceType": "Observation", "id": "o", "subject": {"reference": "#p"}, "device": {"display": "ECG"}}
    found = entries("DiagnosticReport", contained=[{"resourceType": "Patient", "id": "p"}, inner]).contained[1][1]
    assert tokens(found, "subject:stated") == [("Patient", "stated", 0)]
    assert tokens(found, "device:stated") == [("", "stated", 0)]


def test_what_a_reference_points_to_inside_a_resource_is_indexed_under_it() -> None:
    link = {"other": {"reference": "Patient/1"}, "type": "seealso"}
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "link": [link]}
    group = {"resourceType": "Group", "id": "g", "code": {"text": "crowd"}}
    found = entries("Observation", subject={"reference": "#p"}, contained=[patient, group])
    assert tokens(found, "subject.Patient") == [("", "p", 0)]
    assert tokens(found, "subject.Patient.gender") == [("http://hl7.org/fhir/administrative-gender", "male", 0)]
    assert found.references == [("subject.Patient.link", "Patient", "1", 0, 0)]
    assert not any(name.startswith("subject.Group") for name, *_ in found.all()), "nothing points to it"


def test_what_is_contained_is_not_indexed_by_parameters_of_ones_own() -> None:
    definition = SearchParameter("http://own", "own", "token", ("Patient",), "Patient.active", (), (), (), ())
    extractor = Extractor(Registry([Addition(definition)]))
    patient = {"resourceType": "Patient", "id": "p", "active": True}
    held = {"resourceType": "Observation", "subject": {"reference": "#p"}, "contained": [patient]}
    assert tokens(extractor.entries(patient, base=BASE), "active")
    assert not [each for each in extractor.entries(held, base=BASE).all() if each[0].endswith(".own")]
    assert tokens(extractor.entries(held, base=BASE), "subject.Patient.active")


def test_the_parts_of_contained_resources_do_not_mix() -> None:
    def observation(id: str, code: str, value: int) -> dict[str, Any]:
        coded = {"coding": [{"code": code}]}
        return {"resourceType": "Observation", "id": id, "code": coded, "valueQuantity": {"value": value, "code": "1"}}

    held = [observation("a", "hr", 80), observation("b", "temp", 37)]
    found = entries("DiagnosticReport", result=[{"reference": "#a"}, {"reference": "#b"}], contained=held)
    first, second = (group for _, _, group in tokens(found, "result.Observation.code"))
    assert first != second
    assert [group for *_, group in found.quantities if _[0] == "result.Observation.value-quantity"] == [first, second]


def test_every_contained_resource_is_indexed_for_itself_with_its_id() -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "male", "text": {"div": "<div>tall</div>"}}
    found = entries("Observation", contained=[patient, {"resourceType": "Basic", "code": {"text": "odd"}}])
    assert [kind for kind, _ in found.contained] == ["#Patient", "#Basic"]
    first, second = (inner for _, inner in found.contained)
    assert tokens(first, "gender") == [("http://hl7.org/fhir/administrative-gender", "male", 0)]
    assert (tokens(first, "_id"), tokens(second, "_id")) == ([("", "p", 0)], [("", "", 0)])
    assert (first.texts[0], second.texts[1]) == ("tall", "odd")
    assert (first.by_patient, first.contained) == (frozenset(), [])
    assert tokens(found, "gender") == [], "they are not those of the container"


def test_a_media_type_with_parameters_is_below_the_one_without() -> None:
    found = entries("DocumentReference", content=[{"attachment": {"contentType": "text/xml; charset=UTF-8"}}])
    assert tokens(found, "contenttype") == [("urn:ietf:bcp:13", "text/xml; charset=UTF-8", 0)]
    assert tokens(found, "contenttype:below") == [("urn:ietf:bcp:13", "text/xml", 0)]
    assert not tokens(
        entries("DocumentReference", content=[{"attachment": {"contentType": "a/b"}}]), "contenttype:below"
    )


def test_a_part_of_any_type_is_grouped_with_the_others_of_its_instance() -> None:
    characteristics = [
        {"code": {"coding": [{"code": "gender"}]}, "valueCodeableConcept": {"coding": [{"code": "mixed"}]}},
        {"code": {"coding": [{"code": "owned"}]}, "valueBoolean": True},
    ]
    found = entries("Group", characteristic=characteristics)
    assert [group for _, _, group in tokens(found, "characteristic")] == [1, 2]
    assert [group for _, _, group in tokens(found, "value")] == [1, 2]


def test_a_logical_reference_is_searched_by_its_identifier() -> None:
    found = entries("Observation", subject={"identifier": {"system": "urn:oid:1.2", "value": "7"}, "display": "Anna"})
    assert nothing_but(found) == {"tokens": [("subject:identifier", "urn:oid:1.2", "7", 0)]}


def test_canonicals_keep_their_version_and_plain_uris_their_bars() -> None:
    found = entries("QuestionnaireResponse", questionnaire="http://example.org/q|1.0")
    assert found.uris == [("questionnaire", "http://example.org/q", "1.0", 0)]
    assert entries("ValueSet", url="http://example.org/a|b").uris == [("url", "http://example.org/a|b", "", 0)]


def test_a_document_is_found_by_its_composition() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [{"resource": {"resourceType": "Composition", "id": "c", "title": "Letter"}}],
    }
    found = EXTRACTOR.entries(bundle, base=BASE)
    assert found.references == [("composition", "Composition", "c", 0, 0)]
    assert texts(found, "composition.Composition.title") == [("letter", "Letter")]
    bundle["entry"] = [{"resource": {"resourceType": "Patient", "id": "p", "gender": "male"}}]
    other = EXTRACTOR.entries(bundle, base=BASE)
    assert [entry[0] for entry in other.all()] == ["type"], "a document begins with its Composition"


@pytest.mark.parametrize(
    ("content", "low", "high"),
    [
        ({"effectiveDateTime": "2020-02-29"}, FEBRUARY_29, FEBRUARY_29 + DAY - 1),
        ({"effectiveInstant": "2020-02-29T01:00:00+01:00"}, FEBRUARY_29, FEBRUARY_29),
        ({"effectiveDateTime": "2020-02-29T00:00:00Z"}, FEBRUARY_29, FEBRUARY_29 + 999_999),
        ({"effectiveDateTime": "2020-02-29T00:00:00.0Z"}, FEBRUARY_29, FEBRUARY_29),
        ({"effectivePeriod": {"end": "2020-02-29T00:00:00.0Z"}}, BEGINNING, FEBRUARY_29),
        ({"effectiveTiming": {"event": ["2020-02-29T00:00:00.0Z"]}}, FEBRUARY_29, FEBRUARY_29),
        ({"effectivePeriod": {"start": "2020-02-29"}}, FEBRUARY_29, END),
        ({"effectivePeriod": {"end": "2020-02-29"}}, BEGINNING, FEBRUARY_29 + DAY - 1),
        ({"effectiveTiming": {"event": ["2020-03-01", "2020-02-29"]}}, FEBRUARY_29, FEBRUARY_29 + 2 * DAY - 1),
        ({"effectiveTiming": {"repeat": {"boundsPeriod": {"start": "2020-02-29"}}}}, FEBRUARY_29, END),
    ],
)
def test_dates_are_the_ranges_they_stand_for(content: dict[str, Any], low: int, high: int) -> None:
    assert entries("Observation", **content).dates == [("date", low, high, 0)]


def test_a_period_or_schedule_without_limits_is_open_at_both_ends() -> None:
    assert entries("Observation", effectivePeriod={}).dates == [("date", BEGINNING, END, 0)]
    assert entries("Observation", effectiveTiming={"repeat": {"frequency": 1}}).dates == [("date", BEGINNING, END, 0)]


def key(text: str) -> bytes:
    return decimal_key(Decimal(text))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"value": Decimal("5.40"), "unit": "mg", "system": UCUM, "code": "mg"},
            [(UCUM, "mg", key("5.4"), key("5.4"))],
        ),
        (
            {"value": 5, "unit": "tablets", "code": "TAB"},
            [("", "TAB", key("5"), key("5")), ("", "tablets", key("5"), key("5"))],
        ),
        ({"value": 5, "comparator": "<"}, [("", "", LOWEST_KEY, key("5"))]),
        ({"value": 5, "comparator": ">="}, [("", "", key("5"), HIGHEST_KEY)]),
        ({"unit": "mg"}, []),
    ],
)
def test_quantities_have_their_coded_and_printed_units(value: dict[str, Any], expected: list[Any]) -> None:
    found = entries("Observation", valueQuantity=value)
    assert [entry[1:5] for entry in found.quantities if entry[0] == "value-quantity"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"value": Decimal("5.4"), "system": UCUM, "code": "g/dL"}, [("g.m-3", key("54000"), key("54000"))]),
        ({"value": 54, "system": UCUM, "code": "g/L"}, [("g.m-3", key("54000"), key("54000"))]),
        ({"value": 37, "system": UCUM, "code": "Cel"}, [("K", key("310.15"), key("310.15"))]),
        ({"value": 2, "comparator": "<", "system": UCUM, "code": "mg"}, [("g", LOWEST_KEY, key("0.002"))]),
        ({"value": 2, "comparator": ">", "system": UCUM, "code": "mg"}, [("g", key("0.002"), HIGHEST_KEY)]),
        ({"value": 2, "system": UCUM, "code": "tablets"}, []),
        ({"value": 2, "code": "mg"}, []),
        ({"value": 2, "system": UCUM, "unit": "mg"}, []),
    ],
)
def test_quantities_with_a_ucum_unit_are_kept_in_base_units_too(value: dict[str, Any], expected: list[Any]) -> None:
    found = entries("Observation", valueQuantity=value)
    based = [entry for entry in found.quantities if entry[0] == "value-quantity:ucum"]
    assert [(unit, low, high) for _, _, unit, low, high, _ in based] == expected
    assert {system for _, system, *_ in based} <= {UCUM}


def test_a_range_is_kept_in_the_base_units_of_its_ends() -> None:
    unit = {"system": UCUM, "code": "kg"}
    aged = entries("Condition", onsetRange={"low": {"value": 1, **unit}, "high": {"value": 2, **unit}})
    assert ("onset-age:ucum", UCUM, "g", key("1000"), key("2000"), 0) in aged.quantities


def test_ranges_samples_and_money_are_quantities() -> None:
    aged = entries("Condition", onsetRange={"low": {"value": 20, "code": "a"}})
    assert aged.quantities == [("onset-age", "", "a", key("20"), HIGHEST_KEY, 0)]
    data = {"origin": {"value": 10, "code": "mV"}, "factor": Decimal("0.5"), "data": "-4 E 2 U"}
    sampled = entries("Observation", valueSampledData=data)
    assert sampled.quantities == [("value-quantity", "", "mV", key("8"), key("11"), APART)]
    paid = entries("Invoice", totalNet={"value": Decimal("12.50"), "currency": "EUR"})
    assert paid.quantities == [("totalnet", "urn:iso:std:iso:4217", "EUR", key("12.5"), key("12.5"), 0)]


def test_numbers_and_positions_are_kept_without_floats() -> None:
    risk = entries("RiskAssessment", prediction=[{"probabilityDecimal": Decimal("0.30")}])
    assert risk.numbers == [("probability", key("0.3"), key("0.3"), 0)]
    place = entries("Location", position={"latitude": Decimal("48.8566"), "longitude": Decimal("-2.3522219")})
    assert place.positions == [("near", 488_566_000, -23_522_219, 0)]


def test_the_parts_of_a_composite_share_a_group() -> None:
    parts = [
        {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 120}},
        {"code": {"coding": [{"code": "8462-4"}]}, "valueQuantity": {"value": 80}},
    ]
    found = entries("Observation", code={"coding": [{"code": "85354-9"}]}, component=parts)
    assert tokens(found, "component-code") == [("", "8480-6", 1), ("", "8462-4", 2)]
    assert [(entry[3], entry[5]) for entry in found.quantities] == [(key("120"), 1), (key("80"), 2)]
    assert tokens(found, "code") == [("", "85354-9", 0)]


def test_nothing_is_entered_twice() -> None:
    coding = {"system": LOINC, "code": "1"}
    found = entries("Observation", category=[{"coding": [coding, coding]}, {"coding": [coding]}])
    assert tokens(found, "category") == [(LOINC, "1", 0)]


def test_extensions_are_searched_by_their_value() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
    found = entries("Patient", extension=[{"url": url, "valueString": "Noël"}])
    assert texts(found, "mothersMaidenName") == [("noel", "Noël")]


def owners(resource: dict[str, Any]) -> set[tuple[str, str]]:
    return set(EXTRACTOR.owners(resource, EXTRACTOR.entries(resource, base=BASE)))


def test_a_resource_belongs_to_the_compartments_it_refers_to() -> None:
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "subject": {"reference": "Patient/1"},
        "encounter": {"reference": "Encounter/2"},
        "performer": [{"reference": "Practitioner/3"}, {"reference": "Patient/4"}, {"reference": "Organization/5"}],
    }
    assert owners(observation) == {("Patient", "1"), ("Encounter", "2"), ("Practitioner", "3"), ("Patient", "4")}


def test_a_patient_is_in_its_own_compartment_and_in_those_of_its_links() -> None:
    linked = [{"other": {"reference": "Patient/2"}, "type": "seealso"}]
    assert owners({"resourceType": "Patient", "id": "1", "link": linked}) == {("Patient", "1"), ("Patient", "2")}


def test_what_is_outside_every_compartment_has_no_owner() -> None:
    assert owners({"resourceType": "ValueSet", "id": "v"}) == set()


def test_labels_are_the_security_codings() -> None:
    security = [{"system": "http://example.org", "code": "R"}, {"code": "x"}, {"display": "no code"}]
    assert EXTRACTOR.labels({"resourceType": "Patient", "meta": {"security": security}}) == [
        ("http://example.org", "R"),
        ("", "x"),
    ]


def test_entries_come_with_the_words_of_the_resource() -> None:
    narrative = {"status": "generated", "div": "<div>Zoé</div>"}
    assert entries("Patient", text=narrative, name=[{"family": "Çelik"}]).texts == ("zoe", "generated celik")
    assert entries("Patient", active=True).texts == ("", "")


def test_concepts_and_the_references_to_patients_are_kept_by_patient() -> None:
    found = entries("Observation").by_patient
    assert {"code", "category", "value-concept", "subject", "performer"} <= found
    # Identifiers are rare as they are; the encounter is no patient; a status is a code of the base specification.
    assert found.isdisjoint({"identifier", "encounter", "status", "date", "code:text", "_tag", "_security"})
    assert entries("ValueSet").by_patient == frozenset(), "what no patient owns has nothing to be kept by"


def test_a_plan_can_be_made_for_every_resource_type() -> None:
    for resource_type in definitions.resource_types():
        assert isinstance(entries(resource_type), IndexEntries)


def test_a_type_made_ready_is_extracted_as_any_other() -> None:
    ready = Extractor(REGISTRY)
    ready.prepare("Patient")
    patient = {"resourceType": "Patient", "gender": "male"}
    assert ready.entries(patient, base=BASE) == EXTRACTOR.entries(patient, base=BASE)
    assert tokens(ready.entries(patient, base=BASE), "gender") == [
        ("http://hl7.org/fhir/administrative-gender", "male", 0)
    ]
