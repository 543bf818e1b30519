"""From expressions to lines and columns, in JSON and XML."""

from __future__ import annotations

import pytest

from fhir_server.model.places import JsonPlaces, Place, XmlPlaces, steps_of
from fhir_server.model.xml_reader import read_xml

TEXT = """{
  "resourceType": "Patient",
  "meta": {"note": "a \\"quoted\\" } ] text"},
  "name": [
    {"family": "É", "given": ["Zoé", "Ève"], "_given": [null, {"extension": [{"url": "u"}]}]},
    { "family" : "Martin" , "given" : [ "A" ] }
  ],
  "deceasedDateTime": "2020",
  "_birthDate": {"extension": [{"url": "x", "valueCode": "y"}]},
  "contact": [],
  "link": [{"other": {"reference": "Patient/1"}, "type": "seealso"}]
}
"""


def text_at(place: Place) -> str:
    """Return what stands at a place."""
    assert place.column is not None
    return TEXT.splitlines()[place.line - 1][place.column - 1 :]


@pytest.mark.parametrize(
    ("expression", "begins"),
    [
        ("Patient.name[0].family", '"family": "É"'),
        ("Patient.name[0].given[1]", '"Ève"]'),
        ("Patient.name[0]", '{"family": "É"'),
        ("Patient.name[1].family", '"family" : "Martin"'),
        ("Patient.name[1].given[0]", '"A" ]'),
        ("Patient.name", '"name": ['),
        ("Patient.name[0].given[1].extension[0].url", '"url": "u"'),
        ("Patient.birthDate.extension[0].value", '"valueCode": "y"'),
        ("Patient.birthDate", '"_birthDate"'),
        ("Patient.deceased", '"deceasedDateTime"'),
        ("Patient.link[0].other.reference", '"reference"'),
        ("name[1]", '{ "family" : "Martin"'),
    ],
)
def test_an_element_is_found_where_it_stands(expression: str, begins: str) -> None:
    assert text_at(JsonPlaces(TEXT.encode()).find(expression)).startswith(begins)


@pytest.mark.parametrize(
    ("expression", "begins"),
    [
        ("Patient", "{"),
        (None, "{"),
        ("", "{"),
        ("Patient.gender", "{"),
        ("Patient.name[2]", "{"),
        ("Patient.name[1].use", '{ "family" : "Martin"'),
        ("Patient.contact[0].name", "{"),
        ("Patient.link[0].ty", '{"other"'),
        ("Patient.name[0].where(use = 'official').family", '{"family": "É"'),
        ("Patient.deceased.year", '"deceasedDateTime"'),
    ],
)
def test_what_is_missing_is_told_where_it_would_be(expression: str | None, begins: str) -> None:
    assert text_at(JsonPlaces(TEXT.encode()).find(expression)).startswith(begins)


def test_lines_begin_at_one_and_columns_count_characters() -> None:
    places = JsonPlaces(b'\xef\xbb\xbf{"a":"\xc3\xa9","b":1,\n "c":[true,{}]}')
    assert places.find("a") == Place(1, 2)
    assert places.find("b") == Place(1, 10)
    assert places.find("c[1]") == Place(2, 12)
    assert places.find("c[0]") == Place(2, 7)


def test_an_element_is_not_taken_for_another_that_begins_alike() -> None:
    places = JsonPlaces(b'{"codeFilter": [],\n"valueSet": "x",\n"valueQuantity": {}}')
    assert places.find("X.code") == Place(1, 1)
    assert places.find("X.value") == Place(3, 1)


def test_steps_end_where_a_function_begins() -> None:
    assert [step.name for step in steps_of("Patient.extension('u').value")] == []
    assert steps_of("Bundle.entry[3].resource.ofType(Patient).name") == [("entry", 3), ("resource", None)]


XML = b"""<?xml version="1.0"?>
<Patient xmlns="http://hl7.org/fhir">
  <contained>
    <Organization>
      <name value="a"/>
    </Organization>
  </contained>
  <!-- a comment -->
  <name>
    <given value="Zo"/>
    <given value="A">
      <extension url="u"/>
    </given>
  </name>
  <deceasedBoolean value="true"/>
</Patient>
"""


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("Patient", 2),
        ("Patient.contained[0].name", 5),
        ("Patient.name[0].given[1]", 11),
        ("Patient.name[0].given[1].extension[0].url", 12),
        ("Patient.deceased", 15),
        ("Patient.name[0].use", 9),
        ("Patient.gender", 2),
        (None, 2),
    ],
)
def test_xml_tells_the_line(expression: str | None, line: int) -> None:
    assert XmlPlaces(read_xml(XML)).find(expression) == Place(line)
