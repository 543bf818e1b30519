"""From URL parameters to query trees, and what is refused on the way."""

from __future__ import annotations

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.parse import criteria, is_answered
from fhir_server.search.query import (
    EVERYTHING,
    And,
    Date,
    Id,
    LastUpdated,
    Node,
    Not,
    Or,
    Owned,
    Reference,
    String,
    Token,
    Uri,
)
from tests.fakes.searching import BASE, DAY, FEBRUARY_29, REGISTRY, parsed, refusal, where


@pytest.mark.parametrize(
    ("value", "system", "code"),
    [
        ("8867-4", None, "8867-4"),
        ("http://loinc.org|8867-4", "http://loinc.org", "8867-4"),
        ("|8867-4", "", "8867-4"),
        ("http://loinc.org|", "http://loinc.org", None),
        (r"a\|b", None, "a|b"),
        (r"a\,b", None, "a,b"),
    ],
)
def test_tokens_are_read_in_their_four_forms(value: str, system: str | None, code: str | None) -> None:
    assert where("Observation", "code", value) == Token("code", system, code)


def test_commas_are_alternatives_and_repetitions_are_demanded_together() -> None:
    found = parsed("Observation", ("code", "a,b"), ("status", "final"))
    assert found.where == And(
        (Or((Token("code", None, "a"), Token("code", None, "b"))), Token("status", None, "final"))
    )


def test_no_parameters_match_everything() -> None:
    assert parsed("Patient").where == EVERYTHING


def test_not_excludes_every_alternative() -> None:
    either = Or((Token("gender", None, "male"), Token("gender", None, "other")))
    assert where("Patient", "gender:not", "male,other") == Not(either)


@pytest.mark.parametrize(
    ("name", "value", "node"),
    [
        ("family", "  ÇELIK ", String("family", "celik")),
        ("family:contains", "El", String("family", "el", "contains")),
        ("family:exact", "Çelik", String("family", "Çelik", "exact")),
    ],
)
def test_strings_are_folded_unless_exact(name: str, value: str, node: Node) -> None:
    assert where("Patient", name, value) == node


@pytest.mark.parametrize(
    ("name", "value", "node"),
    [
        ("encounter", "Encounter/1", Reference("encounter", "Encounter", "1")),
        ("encounter", "Encounter/1/_history/2", Reference("encounter", "Encounter", "1", 2)),
        ("encounter", BASE + "/Encounter/1", Reference("encounter", "Encounter", "1")),
        (
            "encounter",
            "1",
            Or((Reference("encounter", "Encounter", "1"), Reference("encounter", "EpisodeOfCare", "1"))),
        ),
        ("encounter:Encounter", "1", Reference("encounter", "Encounter", "1")),
        ("patient", "1", Reference("subject", "Patient", "1")),
        ("patient", "Patient/1", Reference("subject", "Patient", "1")),
        (
            "subject",
            "https://other.example.org/Patient/1",
            Uri("subject", "https://other.example.org/Patient/1"),
        ),
        ("patient", "https://other.example.org/Group/1", Or(())),
    ],
)
def test_references_are_read_in_their_forms(name: str, value: str, node: Node) -> None:
    assert where("Observation", name, value) == node


def test_a_canonical_reference_is_searched_by_url_and_version() -> None:
    found = where("QuestionnaireResponse", "questionnaire", "http://example.org/q|1.0")
    assert found == Uri("questionnaire", "http://example.org/q", "1.0")
    own = where("QuestionnaireResponse", "questionnaire", "Questionnaire/7")
    assert own == Or(
        (
            Reference("questionnaire", "Questionnaire", "7"),
            Uri("questionnaire", BASE + "/Questionnaire/7"),
            Uri("questionnaire", "Questionnaire/7"),
        )
    )


def test_uris_are_exact_or_below() -> None:
    assert where("Questionnaire", "url", "http://example.org/Q") == Uri("url", "http://example.org/Q")
    assert where("Questionnaire", "url:below", "http://example.org/") == Uri("url", "http://example.org/", mode="below")


@pytest.mark.parametrize("prefix", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
def test_date_prefixes_are_kept_with_the_range_of_the_date(prefix: str) -> None:
    found = where("Patient", "birthdate", f"{prefix}2020-02-29")
    assert found == Date("birthdate", prefix, FEBRUARY_29, FEBRUARY_29 + DAY - 1)  # type: ignore[arg-type]


def test_a_date_without_prefix_means_equal_and_may_stop_at_the_minute() -> None:
    low = FEBRUARY_29 + 9 * 3_600_000_000
    assert where("Patient", "birthdate", "2020-02-29T10:00+01:00") == Date("birthdate", "eq", low, low + 59_999_999)


def test_approximately_widens_by_a_tenth_of_the_distance_to_now() -> None:
    assert where("Patient", "birthdate", "ap2020-02-29") == Date(
        "birthdate", "ap", FEBRUARY_29 - DAY, FEBRUARY_29 + 2 * DAY - 1
    )


def test_id_and_last_updated_are_answered_by_the_version_itself() -> None:
    assert where("Patient", "_id", "a,b") == Id(("a", "b"))
    assert where("Patient", "_lastUpdated", "gt2020-02-29") == LastUpdated("gt", FEBRUARY_29, FEBRUARY_29 + DAY - 1)


def test_last_updated_is_compared_to_the_millisecond_that_is_shown() -> None:
    shown = FEBRUARY_29 + 793_000
    assert where("Patient", "_lastUpdated", "2020-02-29T00:00:00.793Z") == LastUpdated("eq", shown, shown + 999)
    assert where("Patient", "_lastUpdated", "gt2020-02-29T00:00:00.793000Z") == LastUpdated("gt", shown, shown + 999)
    between = where("Patient", "_lastUpdated", "lt2020-02-29T00:00:00.793001Z")
    assert between == LastUpdated("lt", shown + 1000, shown + 999), "nothing is shown with more than three digits"


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "says"),
    [
        ("Patient", "nonsense", "1", "no such parameter"),
        ("Patient", "birthdate", "2020-13-45", "'2020-13-45' is no date"),
        ("Patient", "birthdate", "xx2020", "no known prefix"),
        ("Patient", "birthdate", "2019-02-29", "'2019-02-29' is no date"),
        ("Patient", "birthdate", "", "no known prefix|must not be empty"),
        ("Observation", "code", "a|b|c", "system|code"),
        ("Observation", "code", "|", "system|code"),
        ("Observation", "code", "a,,b", "a token is written|must not be empty"),
        ("Patient", "name", "", "must not be empty"),
        ("Patient", "name", "\u0301", "at least one letter"),
        ("Patient", "name", "a\x00", "control characters"),
        ("Patient", "name", "a\\", "backslash"),
        ("Patient", "_id", "a/b", "1 to 64"),
        ("Observation", "subject", "a b", "a reference is written"),
        ("Observation", "subject", "Patient/1/_history/abc", "version ids"),
        ("Observation", "patient", "Group/1", "only takes references to Patient"),
        ("Observation", "subject:Patient", "Group/1", "only takes references to Patient"),
        ("Observation", "encounter:Patient", "1", "never points to a Patient"),
        ("Patient", "family:soundslike", "x", "unknown"),
        ("Patient", "gender:exact", "male", ":exact is not answered"),
        ("Patient", "birthdate:not", "2020", ":not is not answered"),
        ("Patient", "family:text", "x", ":text is not answered"),
        ("Observation", "value-quantity", "gtx", "a number is written"),
        ("Patient", "phonetic", "smith", "sound"),
        ("Patient", "age", "5", "without an expression"),
        ("Patient", "_query", "mine", "named queries"),
        ("Patient", "_contained", "true", "not answered"),
        ("Patient", "_filter:not", "x", "without a modifier"),
        ("Patient", "_type", "Patient", "without a type in the URL"),
        ("Patient", "_count", "-1", "whole number"),
        ("Patient", "_count", "x", "whole number"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(resource_type: str, name: str, value: str, says: str) -> None:
    refused = refusal(resource_type, (name, value))
    assert refused.status == 400
    issue = refused.issues[0]
    assert any(part in issue.message for part in says.split("|") if part)
    assert issue.expression is not None
    assert name.startswith(issue.expression.partition(":")[0])


def test_all_findings_come_in_one_answer() -> None:
    refused = refusal("Patient", ("nonsense", "1"), ("birthdate", "x"), ("family:above", "y"))
    assert [issue.expression for issue in refused.issues] == ["nonsense", "birthdate", "family"]


def test_values_stay_out_of_messages() -> None:
    refused = refusal("Observation", ("subject", "secret name"), ("code", "secret|secret|secret"))
    assert all("secret" not in issue.message for issue in refused.issues)


def test_lenient_handling_ignores_what_is_not_answered_and_says_so() -> None:
    found = parsed("Patient", ("nonsense", "1"), ("_sort", "_score"), ("family", "x"), lenient=True)
    assert found.where == String("family", "x")
    assert found.applied == (("family", "x"),)
    assert [(issue.severity, issue.expression) for issue in found.warnings] == [
        ("warning", "nonsense"),
        ("warning", "_sort"),
    ]


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("gender:text", "gender"),
        ("family:nonsense", "family"),
        ("family:", "family"),
        ("general-practitioner:.name", "general-practitioner"),
        ("general-practitioner:identifier.name", "general-practitioner"),
        ("_text:exact", "_text"),
        ("_sort:desc", "_sort"),
        ("_include:recurse", "_include"),
    ],
)
def test_no_handling_ignores_a_modifier_that_is_not_supported(name: str, expression: str) -> None:
    issue = refusal("Patient", (name, "1"), lenient=True).issues[0]
    assert (issue.code, issue.expression) == ("not-supported", expression)


def test_lenient_handling_still_refuses_malformed_values() -> None:
    assert refusal("Patient", ("birthdate", "2020-13-45"), lenient=True).issues[0].expression == "birthdate"


def test_lenient_handling_does_not_ignore_a_named_query_for_the_standard_forbids_it() -> None:
    assert "named queries" in str(refusal("Patient", ("_query", "mine"), lenient=True))


def test_a_compartment_is_demanded_beside_everything_else() -> None:
    found = parsed("Observation", ("status", "final"), compartment=("Patient", "1"))
    assert found.where == And((Owned("Patient", "1"), Token("status", None, "final")))


def test_count_is_cut_down_and_repeated_in_the_self_link_as_applied() -> None:
    found = parsed("Patient", ("_count", "5000"), ("family", "x"), page_max=100)
    assert found.count == 100
    assert found.applied == (("family", "x"), ("_count", "100"))


def test_count_is_given_once() -> None:
    assert "more than once" in str(refusal("Patient", ("_count", "1"), ("_count", "2")))


def test_more_alternatives_than_the_limit_are_refused() -> None:
    assert parsed("Patient", ("family", "a,b,c"), or_values=3).applied
    assert "at most 3" in str(refusal("Patient", ("family", "a,b,c,d"), or_values=3))


def test_criteria_of_restrictions_are_strict() -> None:
    read = criteria(REGISTRY, base=BASE, now=FEBRUARY_29)
    assert read("Patient", (("gender", "male"),)) == Token("gender", None, "male")
    with pytest.raises(BadRequest):
        read("Patient", (("nonsense", "1"),))


def test_criteria_of_restrictions_are_criteria_alone() -> None:
    read = criteria(REGISTRY, base=BASE, now=FEBRUARY_29)
    for name, value in (("_sort", "family"), ("_count", "5"), ("_include", "Patient:link")):
        with pytest.raises(BadRequest, match="criteria alone"):
            read("Patient", ((name, value),))


def test_a_parameter_without_a_value_is_ignored_only_where_that_is_asked_for() -> None:
    found = parsed("Patient", ("birthdate", ""), ("nonsense", ""), ("_sort", ""), ignore_empty=True)
    assert (found.where, found.applied) == (EVERYTHING, ())
    assert refusal("Patient", ("name", "")).issues[0].expression == "name"


def test_the_answered_parameters_are_those_that_parse() -> None:
    answered = {code for code, each in REGISTRY.all_for("Observation").items() if is_answered(each)}
    assert {"code", "date", "subject", "patient", "combo-code", "_id", "_lastUpdated", "_tag"} <= answered
    assert {"value-quantity", "code-value-quantity", "_text", "_content", "_filter"} <= answered
    assert "_query" not in answered
    assert not is_answered(REGISTRY.all_for("Patient")["phonetic"])


@pytest.mark.parametrize("value", ["Jean Dupont", "geJean", "1990 Dupont", "ge1990-Dupont"])
def test_what_is_no_date_at_all_is_not_repeated(value: str) -> None:
    message = refusal("Patient", ("birthdate", value)).issues[0].message
    assert "Jean" not in message
    assert "Dupont" not in message
