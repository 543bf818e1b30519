"""Descriptions of views: what they may say, and how it is told what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.api.acting import PAGING
from mappings.views.describe import Misdescribed, described
from mappings.views.gather import gather
from mappings.views.show import show
from mappings.views.write import write

HEAD = 'name = "visit"\npath = "visits"\nroot = "Encounter"\n'
PLACE = '"Encounter.type.text"'
LINK = 'links = { Patient = "Encounter.subject.reference" }\n'
FIELD = '[fields.kind]\ntype = "text"\nat = "Encounter.type.text"\n'
CODED = """
[new.class]
system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
code = "AMB"

[codes.urgency]
calm = "R"
quick = "EM"

[fields.urgency]
type = "code"
codes = "urgency"
coding = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
at = "Encounter.priority.coding.where(system = 'http://terminology.hl7.org/CodeSystem/v3-ActPriority')"

[fields."who.name"]
type = "text"
at = "Patient.name.text"
kept = true

[links]
Patient = "Encounter.subject.reference"
"""


def test_a_code_may_stand_as_a_coding_and_other_resources_may_be_shown() -> None:
    view = described(HEAD + CODED).view
    visit: dict[str, Any] = {"resourceType": "Encounter", "id": "1", "subject": {"reference": "Patient/p"}}
    patient = {"resourceType": "Patient", "id": "p", "name": [{"text": "Marie"}]}
    (parts,) = gather(view, [visit, patient])
    assert show(view, parts) == {"id": "1", "urgency": None, "who": {"name": "Marie"}}
    after = write(view, {"urgency": "quick"}, parts)
    assert after["Patient"] == [patient]
    assert after["Encounter"][0]["priority"] == {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActPriority", "code": "EM"}]
    }
    (made,) = write(view, {"urgency": "calm"})["Encounter"]
    assert made["class"]["code"] == "AMB"
    assert show(view, {"Encounter": [made]})["urgency"] == "calm"


def test_what_is_gone_is_hidden_and_without_it_nothing_is() -> None:
    gone = described(HEAD.replace("\n", '\ngone = { status = "entered-in-error" }\n', 1) + FIELD)
    assert gone.gone == {"status": "entered-in-error"}
    assert gone.view.hides({"status": "entered-in-error"})
    assert not gone.view.hides({"status": "planned"})
    kept = described(HEAD + FIELD)
    assert kept.gone is None
    assert not kept.view.hides({"status": "entered-in-error"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "it is no TOML"),
        (FIELD, "name is needed"),
        (HEAD.replace("visits", "a/b") + FIELD, "path must be lower case letters"),
        (HEAD.replace("Encounter", "Visit"), "root: Visit is no resource type"),
        (HEAD, "fields: a view has some"),
        (HEAD + "colour = 1\n" + FIELD, "colour is no entry; there are name, path"),
        (HEAD + FIELD + 'colour = "red"\n', "fields.kind.colour is no entry; there are type, at"),
        (HEAD + "fields = 1\n", "fields must be a table"),
        (HEAD + FIELD.replace("kind", "Kind"), "fields.Kind: a field is called by"),
        (HEAD + FIELD.replace("kind", "id"), "fields.id: a field is called by"),
        (HEAD + FIELD.replace('"text"', '"prose"'), "fields.kind.type must be one of code, reference, text"),
        (HEAD + FIELD.replace("type.text", "memo"), "fields.kind.at: 'Encounter.memo': R4 has no memo there"),
        (HEAD + FIELD.replace("Encounter.type.text", "Patient.gender"), "fields.kind.at: Patient is neither the root"),
        (HEAD + '[fields.kind]\ntype = "text"\n', "fields.kind.at must be a FHIRPath"),
        (HEAD + FIELD + "default = 7\n", "fields.kind.default must be text"),
        (HEAD + FIELD.replace('"text"', '"reference"'), "fields.kind.to must be a list of resource types"),
        (HEAD + FIELD.replace('"text"', '"code"\ncodes = "x"'), "fields.kind.codes must name a table"),
        (HEAD + FIELD + '[codes.x]\na = "1"\nb = "1"\n', "codes.x: two codes must not become one"),
        (HEAD + FIELD + "[codes]\nx = 1\n", "codes.x must be a table"),
        (HEAD + FIELD + '[filters.a]\npattern = "{}"\n', "filters.a must be a table with the search parameter"),
        (HEAD + FIELD + '[filters.a]\nparameter = "type"\npattern = "{}{0}"\n', "filters.a.pattern must have {} once"),
        (HEAD + FIELD + '[filters.a]\nparameter = "type"\ncodes = "x"\n', "filters.a.codes must name a table"),
        (HEAD + FIELD + '[links]\nPatient = "Encounter.memo"\n', "links.Patient: 'Encounter.memo': R4 has no memo"),
        (HEAD + FIELD + '[links]\nPatient = "Patient.id"\n', "links.Patient must be a resource type, with the path"),
        (HEAD + "gone = 1\n" + FIELD, "gone must be a table"),
        (HEAD + FIELD + "[new]\nperiod = { start = 2026-04-02 }\n", "new and gone hold what JSON can"),
        (HEAD + "order = 1\n" + FIELD, "order is needed, a text"),
        (HEAD + 'included = "subject"\n' + FIELD, "included must be a list"),
        (HEAD + "included = [1]\n" + FIELD, "included.0 must be a text"),
        (HEAD + FIELD + "[listed]\nstatus = 1\n", "listed.status must be a text"),
        (HEAD + FIELD + "[sorts]\nkind = 1\n", "sorts.kind must be a text"),
        (HEAD + FIELD + 'required = "no"\n', "fields.kind.required must be true or false"),
        (HEAD + FIELD + 'kept = "no"\n', "fields.kind.kept must be true or false"),
        (HEAD + FIELD + "kept = true\nrequired = true\n", "fields.kind is kept and required"),
        (
            HEAD + FIELD.replace(PLACE, f'{{ path = {PLACE}, only_read = "no" }}'),
            "fields.kind.at.only_read must be true",
        ),
        (HEAD + FIELD.replace(PLACE, f"{{ path = {PLACE}, only_read = true }}"), "fields.kind: nothing that is sent"),
        (HEAD + LINK + FIELD.replace(PLACE, '"Patient.name.text"'), "fields.kind: nothing that is sent could be kept"),
        (HEAD + FIELD.replace(PLACE, "[]"), "fields.kind.at must be a FHIRPath"),
        (HEAD + FIELD.replace("type.text", "type"), "fields.kind.at: 'Encounter.type' is of the type CodeableConcept"),
        (HEAD + FIELD.replace("type.text", "location"), "fields.kind.at: 'Encounter.location' has parts of its own"),
        (HEAD + FIELD.replace('"text"', '"moment"'), "a moment can be written to instant, dateTime"),
        (
            HEAD + FIELD.replace('"text"', '"reference"\nto = ["Patient"]'),
            "fields.kind.at: 'Encounter.type.text' must end with the reference",
        ),
        (HEAD + FIELD + 'codes = "x"\n', "fields.kind.codes belongs to fields of the type code"),
        (HEAD + FIELD + 'to = ["Patient"]\n', "fields.kind.to belongs to fields of the type reference"),
        (
            HEAD + FIELD.replace('"text"', '"code"\ncodes = "x"\ncoding = 1') + '[codes.x]\na = "1"\n',
            "fields.kind.coding must be a text",
        ),
        (HEAD + FIELD + FIELD.replace("kind", '"kind.of"'), "fields.kind.of: kind is a field already"),
        (HEAD + FIELD.replace("kind", '"a.b.c"'), "fields.a.b.c has more than one dot"),
        (HEAD + 'new = { statuss = "planned" }\n' + FIELD, "new.statuss: a new Encounter has no such element"),
        (HEAD + 'gone = { statuss = "x" }\n' + FIELD, "gone.statuss: a new Encounter has no such element"),
        (HEAD + 'new = { id = "1" }\n' + FIELD, "new.id: a new Encounter has no such element"),
        (HEAD + FIELD + '[filters.a]\nparameter = "type"\ntype = ["text"]\n', "filters.a.type must be one of text"),
        (HEAD + FIELD + '[filters.a]\nparameter = "type"\ncodes = ["x"]\n', "filters.a.codes must name a table"),
        (HEAD + FIELD + '[sorts]\nsort = "date"\n', "sorts.sort is no field; there are id, kind"),
        (HEAD + FIELD + '[sorts]\nkind = "-date"\n', "sorts.kind must be without -"),
    ],
)
def test_a_description_that_cannot_be_followed_is_told_by_its_entry(text: str, told: str) -> None:
    with pytest.raises(Misdescribed) as caught:
        described(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", sorted(PAGING))
def test_no_filter_is_called_what_every_list_is_asked_for(name: str) -> None:
    with pytest.raises(Misdescribed) as caught:
        described(HEAD + FIELD + f'[filters.{name}]\nparameter = "date"\n')
    assert f"filters.{name}: every list has" in str(caught.value)
