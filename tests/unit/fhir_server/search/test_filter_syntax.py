"""The grammar of `_filter` (http://hl7.org/fhir/R4/search_filter.html)."""

from __future__ import annotations

import pytest

from fhir_server.search.filter_syntax import Comparison, Filter, FilterSyntax, Logic, Negation, Step, parse_filter

A = Comparison((Step("a"),), "eq", "1")
B = Comparison((Step("b"),), "eq", "2")
C = Comparison((Step("c"),), "eq", "3")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a eq 1", A),
        ("  a  eq   1  ", A),
        ('name co "pet shop) \\"x\\""', Comparison((Step("name"),), "co", 'pet shop) "x"', quoted=True)),
        ("code eq http://loinc.org|1234-5", Comparison((Step("code"),), "eq", "http://loinc.org|1234-5")),
        ("birthdate ge 2014-10-10T10:00:00+01:00", Comparison((Step("birthdate"),), "ge", "2014-10-10T10:00:00+01:00")),
        ("subject.name co x", Comparison((Step("subject"), Step("name")), "co", "x")),
        (
            "related[a eq 1].target pr true",
            Comparison((Step("related", A), Step("target")), "pr", "true"),
        ),
        ("a eq 1 and b eq 2", Logic(True, A, B)),
        ("a eq 1 or b eq 2 and c eq 3", Logic(True, Logic(False, A, B), C)),
        ("a eq 1 or (b eq 2 and c eq 3)", Logic(False, A, Logic(True, B, C))),
        ("not (a eq 1)", Negation(A)),
        ("not(a eq 1) and b eq 2", Logic(True, Negation(A), B)),
        ("((a eq 1))", A),
        ("_id eq x", Comparison((Step("_id"),), "eq", "x")),
        ("not eq 1", Comparison((Step("not"),), "eq", "1")),
    ],
)
def test_filters_are_read_from_left_to_right(text: str, tree: Filter) -> None:
    assert parse_filter(text) == tree


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the name of a parameter is due at character 1"),
        ("a", "an operator of two letters such as eq is due at character 2"),
        ("a eq", "a value, in quotation marks if it has blanks, is due at character 5"),
        ("a equals 1", "an operator of two letters such as eq is due at character 3"),
        ("a eq 1 b eq 2", "and, or, or the end is due at character 8"),
        ("a eq 1)", "and, or, or the end is due at character 7"),
        ("(a eq 1", "a closing parenthesis is due at character 8"),
        ("a eq 1 and", "the name of a parameter is due at character 11"),
        ("not (a eq 1", "a closing parenthesis is due at character 12"),
        ("a[b eq 2.c eq 3", "closing bracket"),
        ("a[b eq 2] eq 3", "a point and a name after a filter in brackets is due at character 11"),
        ("a. eq 1", "the name of a parameter is due at character 3"),
        ('a eq "x', "a value, in quotation marks if it has blanks, is due at character 6"),
        ('a eq "\\x"', "a JSON string is due at character 6"),
        ("subject:Patient.name eq x", "an operator of two letters such as eq is due at character 8"),
        ("(" * 21 + "a eq 1" + ")" * 21, "nested deeper than 20"),
        (" and ".join(["a eq 1"] * 101), "more than 100 tests"),
    ],
)
def test_errors_name_what_is_due_and_where(text: str, says: str) -> None:
    with pytest.raises(FilterSyntax) as caught:
        parse_filter(text)
    assert says in str(caught.value)
