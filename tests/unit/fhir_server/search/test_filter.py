"""What `_filter` means (http://hl7.org/fhir/R4/search_filter.html)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir_server.search.query import (
    And,
    Chain,
    Date,
    Id,
    LastUpdated,
    Node,
    Not,
    Number,
    Or,
    Present,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
)
from fhir_server.search.terminology import Meant
from fhir_server.search.values import decimal_key
from tests.fakes.searching import DAY, FEBRUARY_29, refusal, where

LOINC = "http://loinc.org"
DATE = (FEBRUARY_29, FEBRUARY_29 + DAY - 1)
FIVE = decimal_key(Decimal(5))


class Known:
    """One value set with one code, below and above itself and one more."""

    def members(self, value_set: str) -> Meant:
        return Meant([(LOINC, value_set[-1])])

    def below(self, system: str, code: str) -> Meant:
        return Meant([(system, code), (system, "below")])

    def above(self, system: str, code: str) -> Meant:
        return Meant([(system, code), (system, "above")])


@pytest.mark.parametrize(
    ("resource_type", "text", "node"),
    [
        ("Patient", 'name co "pet"', String("name", "pet", "contains")),
        ("Patient", "name sw Pet", String("name", "pet")),
        ("Patient", "family ew Son", String("family", "son", "suffix")),
        ("Observation", "subject eq Patient/4", Reference("subject", "Patient", "4")),
        ("Patient", 'given eq "Peter, Paul"', String("given", "peter paul", "whole")),
        (
            "Patient",
            'given eq "peter" and birthdate ge 2020-02-29',
            And((String("given", "peter", "whole"), Date("birthdate", "ge", *DATE))),
        ),
        ("Patient", "birthdate po 2020-02-29", Date("birthdate", "ap", *DATE)),
        ("Patient", "_lastUpdated sa 2020-02-29", LastUpdated("sa", *DATE)),
        ("Patient", "_lastUpdated po 2020-02-29", LastUpdated("ap", *DATE)),
        ("Patient", "_id eq a", Id(("a",))),
        ("Observation", "code eq http://loinc.org|1234-5", Token("code", LOINC, "1234-5")),
        ("Observation", 'code eq "loinc|1234-5"', Token("code", LOINC, "1234-5")),
        ("Observation", "not (code eq a)", Not(Token("code", None, "a"))),
        ("Observation", "code in http://example.org/vs/3", Token("code", LOINC, "3")),
        ("Observation", "code ni http://example.org/vs/3", Not(Token("code", LOINC, "3"))),
        ("Observation", "code ss loinc|1", Or((Token("code", LOINC, "1"), Token("code", LOINC, "below")))),
        ("Observation", "code sb loinc|1", Or((Token("code", LOINC, "1"), Token("code", LOINC, "above")))),
        ("Observation", "subject re Patient/4", Reference("subject", "Patient", "4")),
        ("Observation", "subject pr true", Present("subject")),
        ("Observation", "subject pr false", Not(Present("subject"))),
        ("Observation", "value-quantity gt 5", Quantity("value-quantity", "gt", FIVE, FIVE)),
        ("RiskAssessment", "probability lt 5", Number("probability", "lt", FIVE, FIVE)),
        ("ValueSet", "url sw http://acme.org/", Uri("url", "http://acme.org/", mode="below")),
        ("ValueSet", "url eq http://acme.org/1", Uri("url", "http://acme.org/1")),
        (
            "Observation",
            'subject.name co "pet"',
            Or(
                (
                    Chain("subject", "Patient", String("name", "pet", "contains")),
                    String("subject.Patient.name", "pet", "contains"),
                    Chain("subject", "Location", String("name", "pet", "contains")),
                    String("subject.Location.name", "pet", "contains"),
                )
            ),
        ),
        (
            "Observation",
            "patient[gender eq male].birthdate ge 2020-02-29",
            Chain("subject", "Patient", And((Token("gender", None, "male"), Date("birthdate", "ge", *DATE)))),
        ),
    ],
)
def test_tests_are_the_nodes_of_ordinary_searches(resource_type: str, text: str, node: Node) -> None:
    assert where(resource_type, "_filter", text, terminology=Known()) == node


def test_a_filter_stands_beside_other_parameters() -> None:
    both = where("Patient", "_filter", "gender eq male or gender eq female")
    assert both == Or((Token("gender", None, "male"), Token("gender", None, "female")))


@pytest.mark.parametrize(
    ("resource_type", "text", "says"),
    [
        ("Patient", "birthdate ew x", "operator ew is not answered for birthdate, of type date"),
        ("Patient", "name ne x", "write not (... eq ...)"),
        ("Patient", "name gt x", "operator gt is not answered"),
        ("Patient", "birthdate co 2020", "operator co is not answered for birthdate, of type date"),
        ("Observation", "code ne x", "write not (... eq ...)"),
        ("Observation", "subject co Patient/1", "it has re, eq, pr"),
        ("Observation", "code xx 1", "xx is no operator"),
        ("Observation", "nonsense eq 1", "no such parameter"),
        ("Observation", "subject.nonsense eq 1", "none of the types"),
        ("Observation", "code.text eq 1", "only references lead on"),
        ("Observation", "subject pr maybe", "true or false"),
        ("Patient", "birthdate eq 2020-13-45", "'2020-13-45' is no date"),
        ("Patient", "birthdate po 2020-13-45", "'2020-13-45' is no date"),
        ("Patient", "birthdate eq ge2020", "'ge2020' is no date"),
        ("Patient", 'name eq "\\ud800"', "text in UTF-8"),
        ("Patient", 'name eq ""', "must not be empty"),
        ("Patient", "_content co x", "stands by itself"),
        ("Patient", "_filter eq x", "stands by itself"),
        ("Patient", "name co", "character 8"),
        ("Location", "partof." * 9 + "name eq x", "more than 8 links"),
        ("Basic", "subject.subject.subject.subject.identifier eq x", "narrow it"),
    ],
)
def test_what_the_index_cannot_tell_is_refused_by_name(resource_type: str, text: str, says: str) -> None:
    refused = refusal(resource_type, ("_filter", text))
    assert (refused.status, refused.issues[0].expression) == (400, "_filter")
    assert says in str(refused)
