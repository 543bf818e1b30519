"""The words that full text search finds of a resource."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.search.texts import texts


def narrative(div: str) -> str:
    return texts({"resourceType": "Patient", "text": {"status": "generated", "div": div}})[0]


def others(**content: Any) -> list[str]:
    return texts({"resourceType": "Observation", **content})[1].split()


@pytest.mark.parametrize(
    ("div", "words"),
    [
        ("<div>Heart <b>Rate</b></div>", "heart rate"),
        ("<div><p>one</p><p>two</p></div>", "one two"),
        ("<div>caf&eacute; &amp; th&#233;</div>", "cafe the"),
        ('<div class="hidden"><img alt="x" src="y"/>seen</div>', "seen"),
        ("<div>1&lt;2 and 5.4 g/dL</div>", "1 2 and 5 4 g dl"),
        ("<div>Œuvre, Straße, İzmir</div>", "oeuvre strasse izmir"),
        ("<div><b>card</b>iaque <p>un</p><p>deux</p></div>", "cardiaque un deux"),
        ("<div>snake_case d'abord</div>", "snake case d abord"),
        ("<div>心拍数</div>", "心拍数"),
        ("<div/>", ""),
    ],
)
def test_a_narrative_is_its_words_without_markup_case_and_accents(div: str, words: str) -> None:
    assert narrative(div) == words


def test_the_narrative_is_not_among_the_other_words() -> None:
    found = texts({"resourceType": "Patient", "text": {"status": "generated", "div": "<div>only here</div>"}})
    assert found == ("only here", "generated")


def test_texts_displays_codes_and_names_have_words() -> None:
    found = others(
        code={"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}], "text": "Pulse"},
        note=[{"text": "measured *twice*"}],
        subject={"reference": "Patient/Secret", "display": "Zoé Çelik"},
        valueString="High",
    )
    assert set(found) == {"8867", "4", "heart", "rate", "pulse", "measured", "twice", "zoe", "celik", "high"}


def test_each_of_several_strings_has_words_and_none_of_null() -> None:
    named = texts({"resourceType": "Patient", "name": [{"given": ["Anna", None, "Bea"], "family": "Smith"}]})
    assert named == ("", "anna bea smith")


def test_identities_addresses_and_raw_data_have_none() -> None:
    silent = texts(
        {
            "resourceType": "DocumentReference",
            "id": "document",
            "meta": {"versionId": "7", "profile": ["http://example.org/profile"], "source": "http://example.org/s"},
            "identifier": [{"use": "official", "system": "http://example.org/ids"}],
            "subject": {"reference": "Patient/p"},
            "date": "2020-02-29T00:00:00Z",
            "context": {"period": {"start": "2020-02-29"}},
            "content": [{"attachment": {"contentType": "text/plain", "data": "SGVsbG8=", "url": "http://x/y"}}],
        }
    )
    assert silent == ("", "")


def test_what_is_inside_contained_resources_and_extensions_is_found() -> None:
    contained = {"resourceType": "Practitioner", "id": "p", "name": [{"family": "Inside"}]}
    extension = {"url": "http://example.org/x", "valueString": "Extended"}
    assert set(others(contained=[contained], extension=[extension])) == {"inside", "extended"}


def test_words_stand_one_blank_apart() -> None:
    assert texts({"resourceType": "Observation", "valueString": " Two\n\twords "})[1] == "two words"
