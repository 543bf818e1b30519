"""Files as documents: what is in them, and where a fault is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from fhir_server.model.places import Place
from fhir_server.validating.documents import documents

PATIENT = b'{"resourceType": "Patient",\n "gender": "male"}'


def test_a_json_file_is_one_resource_with_the_places_of_its_elements(tmp_path: Path) -> None:
    (tmp_path / "p.json.gz").write_bytes(gzip.compress(PATIENT))
    (found,) = documents(tmp_path / "p.json.gz")
    assert found.resource == {"resourceType": "Patient", "gender": "male"}
    assert found.place("Patient.gender") == Place(2, 2)


def test_lines_of_ndjson_count_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_bytes(b'{"resourceType":"Patient"}\n\n{"resourceType":"Group"}\n{"a" 1}\n')
    first, second, broken = documents(tmp_path / "p.ndjson")
    assert first.resource == {"resourceType": "Patient"}
    assert second.place("Group.type") == Place(3, 1)
    assert broken.resource is None
    ((issue, place),) = broken.faults
    assert (place.line, "line" in issue.message) == (4, False)


def test_xml_is_read_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_text('<Patient xmlns="http://hl7.org/fhir">\n<gender value="male"/>\n</Patient>')
    (found,) = documents(tmp_path / "p.xml")
    assert found.resource == {"resourceType": "Patient", "gender": "male"}
    assert found.place("Patient.gender") == Place(2)


@pytest.mark.parametrize(
    ("name", "body", "line"),
    [
        ("a.json", b'{\n"a": }', 2),
        ("a.json", b"[]", 1),
        ("a.json", b"", 1),
        ("a.json.gz", b"not gzip", 1),
        ("a.xml", b"<Patient>\n<a", 2),
        ("a.xml", b'<Patient xmlns="http://hl7.org/fhir">\n\n<nmae value="x"/></Patient>', 3),
    ],
)
def test_what_cannot_be_read_is_a_fault_with_its_line(tmp_path: Path, name: str, body: bytes, line: int) -> None:
    (tmp_path / name).write_bytes(body)
    (found,) = documents(tmp_path / name)
    assert found.resource is None
    assert [(issue.is_error, place.line) for issue, place in found.faults] == [(True, line)]
