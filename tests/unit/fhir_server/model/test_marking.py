"""Marked copies of resources."""

from __future__ import annotations

from typing import Any

from fhir_server.model.marking import Marked

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "1",
    "active": False,
    "name": [{"given": ["a", None, "a"], "_given": [None, {"id": "x"}, None], "family": "f"}, {"text": "t"}],
    "_birthDate": {"extension": [{"url": "http://x", "valueCode": "c"}]},
    "contained": [{"resourceType": "Basic", "code": {"text": "b"}}],
}


def test_marks_go_without_a_trace() -> None:
    assert Marked(PATIENT).unmarked() == PATIENT


def test_every_primitive_has_a_sibling_that_tells_where_it_stands() -> None:
    marked = Marked(PATIENT)
    name = marked.resource["name"][0]
    first, second, third = name["_given"]
    assert len({id(first), id(second), id(third)}) == 3
    place = marked.place(third)
    assert place is not None
    assert (place.holder, place.property.name) == (name, "given")
    assert [value for value, _ in place.items()] == ["a", None, "a"]
    assert marked.key(name) == "HumanName"
    assert marked.key(marked.resource["contained"][0]) == "Basic"
    assert marked.place(marked.resource) is None
    assert not marked.knows({})


def test_what_an_edit_leaves_empty_goes() -> None:
    marked = Marked(PATIENT)
    for handle in (marked.resource["name"][1]["_text"], marked.resource["_active"]):
        place = marked.place(handle)
        assert place is not None
        place.put([])
    after = marked.unmarked()
    assert after["name"] == [PATIENT["name"][0]]
    assert "active" not in after
