"""Strict typing: what can never be right is found before an expression is evaluated, what may be right is let be."""

from __future__ import annotations

import pytest

from profiles import definitions
from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.shapes import shape, shape_of
from profiles.fhirpath.type_faults import type_faults

PATIENT = [shape("Patient")]


def messages(text: str, of: str = "Patient") -> list[str]:
    return [each.message for each in type_faults(text, [shape(of)])]


@pytest.mark.parametrize(
    ("text", "of", "words"),
    [
        ("name.givn", "Patient", "HumanName has no element 'givn'; given is meant"),
        ("Patient.name.where(usee = 'official')", "Patient", "no element 'usee'"),
        ("name.select(given | famly)", "Patient", "no element 'famly'"),
        ("birthDate.year", "Patient", "date has no element 'year'"),
        ("name.count().given", "Patient", "Integer has no element"),
        ("valueQuantity", "Observation", "the element is value"),
        ("value.ofType(Quantity).start", "Observation", "Quantity has no element 'start'"),
        ("component.value.as(Period).low", "Observation", "Period has no element 'low'"),
        ("component.component", "Observation", "Observation.component has no element"),
        ("Encounter.status", "Patient", "Patient is never a Encounter"),
        ("contact.where(Patient.active)", "Patient", "is never a Patient"),
        ("children().skip(1)", "Patient", "skip() takes items in order"),
        ("descendants().where(true).first()", "Patient", "first() takes items in order"),
        ("children()[0]", "Patient", "no order"),
        ("name.given['a']", "Patient", "an indexer takes an Integer"),
        ("active.substring(1)", "Patient", "substring() is not for boolean"),
        ("name.sqrt()", "Patient", "sqrt() is not for HumanName"),
        ("'a' + 1", "Patient", "'+' is not for String and Integer"),
        ("birthDate + 1", "Patient", "'+' is not for date and Integer"),
        ("name > 1", "Patient", "'>' is not for HumanName and Integer"),
        ("1 > 2 is Boolean", "Patient", "'>' is not for Integer and Boolean"),
        ("1 & 'a'", "Patient", "'&' is not for Integer and String"),
        ("-name", "Patient", "has no sign"),
        ("%patient.name", "Patient", "%patient is not defined"),
        ("%resource.nam", "Patient", "no element 'nam'"),
        ("defineVariable('n', name).select(%n.givn)", "Patient", "no element 'givn'"),
        ("iif(active, name, address).cty", "Patient", "Address or HumanName has no element"),
        ("repeat(item).linkid", "Questionnaire", "no element 'linkid'"),
    ],
)
def test_what_can_never_be_right_is_named(text: str, of: str, words: str) -> None:
    found = messages(text, of)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("name.given.first()", "Patient"),
        ("deceased.as(boolean) | active", "Patient"),
        ("contained.anything.else", "Patient"),
        ("managingOrganization.resolve().whatever", "Patient"),
        ("extension('http://x').value.code", "Patient"),
        ("birthDate.extension.url", "Patient"),
        ("birthDate < today() - 1 year", "Patient"),
        ("value.ofType(Quantity) > 4 'mg'", "Observation"),
        ("item.repeat(item).where(enableWhen.exists()).linkId", "Questionnaire"),
        ("name.select($this.given & family).join(', ').length() > $index", "Patient"),
        ("name.aggregate($total & family, '')", "Patient"),
        ("(children().ofType(HumanName)).given.exists()", "Patient"),
        ("{}.name.given", "Patient"),
        ("entry.resource.name", "Bundle"),
        ("1 'mg' * 2 / 3 < 1 'g' and 5 div 2 mod 2 = 1", "Patient"),
        ("%`vs-name` & %ucum.substring(1)", "Patient"),
        ("%context.name | %resource.name | %rootResource.name", "Patient"),
    ],
)
def test_what_may_be_right_is_let_be(text: str, of: str) -> None:
    assert messages(text, of) == []


def test_a_fault_has_its_place_and_is_told_once() -> None:
    assert [each.position for each in type_faults("name.givn.foo", PATIENT)] == [5]


def test_what_is_no_fhirpath_is_refused() -> None:
    with pytest.raises(FhirPathSyntaxError):
        type_faults("name.(", PATIENT)


def test_every_invariant_of_the_standard_but_one_passes() -> None:
    found = {}
    for name in definitions.type_names():
        queue = [definitions.structure(name).root]
        while queue:
            element = queue.pop()
            queue += element.children
            known = [each.code for each in element.types if each.code in definitions.type_names()]
            own = element.children or element.content
            of = [shape_of(name, element.path, code) for code in (known if not own else ("",))]
            for key in element.constraints:
                if type_faults(definitions.constraint(key).expression or "true", of or [shape(name)]):
                    found[key] = name
    # ChargeItemDefinition has a title, but no name.
    assert found == {"cid-0": "ChargeItemDefinition"}


def test_every_search_expression_of_the_standard_passes() -> None:
    rows = [(each, base) for each in definitions.search_parameters() if each.expression for base in each.base]
    assert [
        (each.url, base) for each, base in rows if type_faults(each.expression, [shape(base)], strangers=True)
    ] == []
