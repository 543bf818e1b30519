"""Token values and their modifiers (http://hl7.org/fhir/R4/search.html#token)."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.query import NOTHING, Node, Not, Or, String, Token
from fhir_server.search.terminology import Meant, NotExpandable
from tests.fakes.searching import parsed, refusal, where

ANIMALS = "http://example.org/animals"


class Zoo:
    """Knows one value set and one hierarchy: a poodle is a dog."""

    def members(self, value_set: str) -> Meant:
        if value_set == "http://example.org/none":
            return Meant()
        if value_set != "http://example.org/pets|1":
            raise NotExpandable("the value set is not known")
        return Meant([(ANIMALS, "dog"), (ANIMALS, "cat"), (ANIMALS, "dog")])

    def below(self, system: str, code: str) -> Meant:
        if system != ANIMALS:
            raise NotExpandable("the code system is not known")
        return Meant([(system, code), (system, "poodle")])

    def above(self, system: str, code: str) -> Meant:
        return Meant([(system, code), (system, "animal")])


def zoo(name: str, value: str, resource_type: str = "Condition") -> Node:
    return where(resource_type, name, value, terminology=Zoo())


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "node"),
    [
        ("Condition", "code:text", "  HeadAche", String("code:text", "headache")),
        ("Patient", "identifier:text", "medical record", String("identifier:text", "medical record")),
        (
            "Patient",
            "identifier:of-type",
            "http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053",
            Token("identifier:of-type", "http://terminology.hl7.org/CodeSystem/v2-0203|MR", "446053"),
        ),
        ("Patient", "identifier:of-type", r"http://s|M\|R|4\,4", Token("identifier:of-type", "http://s|M|R", "4,4")),
        ("Patient", "active", "true", Token("active", None, "true")),
        ("Patient", "active:not", "true", Not(Token("active", None, "true"))),
        (
            "Patient",
            "active",
            "http://hl7.org/fhir/special-values|false",
            Token("active", "http://hl7.org/fhir/special-values", "false"),
        ),
        (
            "Patient",
            "_tag",
            "http://acme.org/codes|needs-review",
            Token("_tag", "http://acme.org/codes", "needs-review"),
        ),
        ("Observation", "combo-code", "a", Or((Token("code", None, "a"), Token("component-code", None, "a")))),
        (
            "DocumentReference",
            "contenttype:below",
            "text/xml",
            Or((Token("contenttype", None, "text/xml"), Token("contenttype:below", None, "text/xml"))),
        ),
    ],
)
def test_tokens_are_read_as_their_modifier_says(resource_type: str, name: str, value: str, node: Node) -> None:
    assert where(resource_type, name, value) == node


def test_in_is_one_of_the_members_and_not_in_is_none_of_them() -> None:
    pets = Or((Token("code", ANIMALS, "cat"), Token("code", ANIMALS, "dog")))
    assert zoo("code:in", "http://example.org/pets|1") == pets
    assert zoo("code:not-in", "http://example.org/pets|1") == Not(pets)


def test_an_empty_value_set_has_no_members() -> None:
    assert zoo("code:in", "http://example.org/none") == NOTHING
    assert zoo("code:not-in", "http://example.org/none") == Not(NOTHING)


def test_the_implied_system_of_a_code_may_be_missing_in_the_index() -> None:
    assert zoo("gender:below", f"{ANIMALS}|dog", "Patient") == Or(
        (
            Token("gender", ANIMALS, "dog"),
            Token("gender", ANIMALS, "poodle"),
            Token("gender", "", "dog"),
            Token("gender", "", "poodle"),
        )
    )


def test_below_and_above_are_the_codes_of_the_hierarchy() -> None:
    assert zoo("code:below", f"{ANIMALS}|dog") == Or((Token("code", ANIMALS, "dog"), Token("code", ANIMALS, "poodle")))
    assert zoo("code:above", f"{ANIMALS}|dog") == Or((Token("code", ANIMALS, "animal"), Token("code", ANIMALS, "dog")))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("code:in", "http://example.org/zoo", "the value set is not known"),
        ("code:below", "http://example.org/plants|oak", "the code system is not known"),
        ("code:below", "dog", "written system|code"),
        ("code:above", "|dog", "written system|code"),
        ("code:above", f"{ANIMALS}|", "written system|code"),
    ],
)
def test_what_terminology_cannot_expand_is_refused(name: str, value: str, says: str) -> None:
    refused = refusal("Condition", (name, value), terminology=Zoo())
    assert (refused.status, refused.issues[0].expression) == (400, "code")
    assert says in str(refused)
    assert "oak" not in str(refused)


def test_without_terminology_every_use_of_it_is_refused() -> None:
    for name in ("code:in", "code:not-in", "code:below", "code:above"):
        assert "loaded" in str(refusal("Condition", (name, "http://loinc.org|1")))


def test_lenient_handling_too_refuses_what_cannot_be_expanded() -> None:
    # Left out, it would widen the answer to everything.
    with pytest.raises(BadRequest, match="cannot be expanded") as refusal:
        parsed("Condition", ("code:in", "http://example.org/zoo"), lenient=True, terminology=Zoo())
    assert [each.expression for each in refusal.value.issues] == ["code"]


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "says"),
    [
        ("Patient", "identifier:of-type", "http://s|MR", "all three"),
        ("Patient", "identifier:of-type", "|MR|1", "all three"),
        ("Patient", "identifier:in", "http://example.org/vs", ":in is not answered"),
        ("Condition", "code:of-type", "s|c|v", ":of-type is not answered"),
        ("Patient", "gender:text", "male", ":text is not answered"),
        ("Patient", "active", "maybe", "true or false"),
        ("Patient", "active", "|true", "true or false"),
        ("Condition", "code:text", "\u0301", "at least one letter"),
        ("Condition", "code:sounds", "x", ":sounds is unknown"),
    ],
)
def test_modifiers_and_values_that_do_not_fit_are_refused(resource_type: str, name: str, value: str, says: str) -> None:
    assert says in str(refusal(resource_type, (name, value)))
