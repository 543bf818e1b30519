"""The four parts of a SOAP note: ours to the letter, those of others as a reader sees them."""

from __future__ import annotations

import json

import pytest

from fhir_server.search.check_parameter import definition_of
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Addition, Registry
from mappings.views.soap import RAW, TITLES, codes_of, is_soap_note, read_part, write_part
from profiles.packages.telemed import telemed
from tests.fakes.foreign_notes import Json, narrative, note, section
from tests.fakes.telemed import good

EMPTY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}]}


def test_the_parts_of_a_note_of_ours_come_to_the_letter() -> None:
    composition = good("composition")
    assert [read_part(composition, each) for each in ("subjective", "objective", "assessment", "plan")] == [
        "  Palpitations depuis\r\n trois jours ",
        "",
        "HTA probable",
        "Holter, contrôle dans 1 mois",
    ]
    assert read_part(good("composition-draft"), "plan") is None


@pytest.mark.parametrize("code", ["61150-9", "10164-2"])
def test_a_section_of_others_is_read_by_either_code(code: str) -> None:
    assert read_part(note(section(code, "<p>Cough</p><ul><li>dry</li></ul>")), "subjective") == "Cough\n- dry"


def test_several_sections_of_one_part_are_all_read_the_one_that_means_it_first() -> None:
    composition = note(section("51847-2", "Both"), section("51848-0", "Assessed"))
    assert read_part(composition, "assessment") == "Assessed\n\nBoth"
    write_part(composition, "assessment", "New")
    assert read_part(composition, "assessment") == "New"
    assert composition["section"][0] == section("51847-2", "Both")
    write_part(composition, "assessment", "")
    assert read_part(composition, "assessment") == ""
    write_part(composition, "assessment", None)
    assert read_part(composition, "assessment") is None
    assert "section" not in composition


def test_sections_inside_a_section_are_read_unless_they_are_a_part_themselves() -> None:
    inner = [section("8716-3", "37.5"), section("18776-5", "Rest")]
    composition = note(section("61149-1", None, section=inner))
    assert read_part(composition, "objective") == "Section\n37.5"
    assert read_part(composition, "plan") == "Rest"


def test_a_section_of_others_that_says_it_is_empty_is_empty() -> None:
    assert read_part(note(section("18776-5", "Nothing", emptyReason=EMPTY)), "plan") == ""


def test_a_section_with_entries_keeps_them_and_never_says_it_is_empty() -> None:
    composition = note(section("18776-5", "Rest", entry=[{"reference": "CarePlan/1"}]))
    write_part(composition, "plan", "")
    (written,) = composition["section"]
    assert read_part(composition, "plan") == ""
    assert (written["entry"], "emptyReason" in written) == ([{"reference": "CarePlan/1"}], False)
    write_part(composition, "plan", None)
    assert read_part(composition, "plan") is None
    assert composition["section"][0]["entry"] == [{"reference": "CarePlan/1"}]


def test_new_sections_stand_in_the_order_of_a_note_before_its_files() -> None:
    composition: Json = note(section("61150-9", "Cough"), section("55107-7", None, entry=[{"reference": "X/1"}]))
    for part in ("plan", "objective", "assessment"):
        write_part(composition, part, "text")
    first = [each["code"]["coding"][0]["code"] for each in composition["section"]]
    assert first == ["61150-9", "61149-1", "51848-0", "18776-5", "55107-7"]
    assert codes_of("plan") == ("18776-5",)


def test_a_text_stands_beside_the_narrative_that_shows_it() -> None:
    composition = note()
    write_part(composition, "plan", " a < b\r\nc")
    (written,) = composition["section"]
    assert written["extension"] == [{"url": RAW, "valueString": " a < b\r\nc"}]
    assert written["text"] == narrative(" a &lt; b<br/>c") | {"status": "generated"}


NOTES = (
    good("composition"),
    good("composition-draft"),
    *(note(section(code, "x")) for part in TITLES for code in sorted(codes_of(part))),
    note(section("8716-3", "Vital signs")),
    note(section("8716-3", "Vital signs"), section("18776-5", "Rest")),
    note(section("18776-5", "Rest") | {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "18776-5"}]}}),
    note(section("18776-5", "Rest") | {"code": {"text": "Plan"}}),
    note(),
)


@pytest.mark.parametrize("composition", NOTES)
@pytest.mark.parametrize("status", ["final", "entered-in-error"])
def test_the_search_parameter_finds_just_the_notes(composition: Json, status: str) -> None:
    (text,) = [each.text for each in telemed().definitions if each.id == "telemed-soap-note"]
    extractor = Extractor(Registry([Addition(definition_of(json.loads(text)))]))
    entries = extractor.entries(composition | {"status": status}, base="https://fhir.example.org/fhir")
    found = [each for each in entries.tokens if each[0] == "soap-note"]
    codes = [] if status == "entered-in-error" else [str(is_soap_note(composition)).lower()]
    assert [each[2] for each in found] == codes


@pytest.mark.parametrize(
    ("div", "text"),
    [
        ("<p>Rest,  <b>twice</b></p><p>then Holter</p>", " Rest, twice\r\nthen Holter"),
        ("Rest, once<br/>then Holter", "Rest, once\nthen Holter"),
    ],
)
def test_what_others_have_changed_in_a_narrative_is_read_and_what_they_have_only_set_otherwise_is_not(
    div: str, text: str
) -> None:
    composition: Json = {}
    write_part(composition, "plan", " Rest, twice\r\nthen Holter")
    composition["section"][0]["text"]["div"] = f'<div xmlns="http://www.w3.org/1999/xhtml">{div}</div>'
    assert read_part(composition, "plan") == text
