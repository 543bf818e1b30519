"""Releases become code systems of the concept store, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fhir_server.interactions.call import Services
from fhir_server.terminologies.item import Wish
from fhir_server.terminologies.load import load, remove
from fhir_server.terminologies.release import ReleaseError
from profiles.terminology.concept import Designation
from profiles.terminology.questions import Known
from profiles.terminology.selection import Active, Below, Having, Selection, Whole
from tests.fakes.releases import CLAML, LOINC, RF2, content, write, zipped

pytestmark = pytest.mark.anyio


async def codes(services: Services, selection: Selection) -> list[str]:
    return [each.code for each in await services.store.concepts.slice(selection, 0, 100)]


async def known(services: Services, key: int, code: str) -> Known:
    found = await services.store.concepts.detail(key, code)
    assert found is not None
    return found


async def test_loinc_with_its_hierarchy_and_its_translations(services: Services, tmp_path: Path) -> None:
    report = await load(services, content(write(tmp_path / "r", LOINC)))
    head = report.head
    assert head is not None
    assert (head.url, head.version, head.count, head.subsuming) == ("http://loinc.org", "2.99", 4, True)
    assert report.faulty == 0
    serum = await known(services, head.key, "90001-1")
    assert serum.entry.concept.display == 'Glubose, serum "x"'
    assert serum.entry.concept.display_in("fr") == "Glubose:Masse/Volume:Ponctuel:Sérum:Quantitatif"
    assert serum.properties["SCALE_TYP"] == ("Qn",)
    assert "METHOD_TYP" not in serum.properties
    assert (serum.parents, serum.entry.inactive) == (("LP90001-0",), False)
    assert await codes(services, Selection(head.key, Below("LP90000-2", itself=False))) == [
        "90001-1",
        "90002-9",
        "LP90001-0",
    ]
    assert await codes(services, Selection(head.key, Active(), ("urin",))) == []
    assert await codes(services, Selection(head.key, Having("SYSTEM", ("Urine",)))) == ["90002-9"]
    assert report.passed == {
        "Loinc_2.99/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv": 1,
        "Loinc_2.99/AccessoryFiles/LinguisticVariants/frFR18LinguisticVariant.csv": 1,
    }


@pytest.mark.parametrize(("language", "display"), [(None, "Elven fever"), ("fr", "Fièvre des elfes")])
async def test_snomed_with_preferred_terms(
    services: Services, tmp_path: Path, language: str | None, display: str
) -> None:
    report = await load(services, content(zipped(tmp_path / "r.zip", RF2), Wish(language=language)))
    head = report.head
    assert head is not None
    assert head.version == "http://snomed.info/sct/900000000000207008/version/20240101"
    assert (head.url, head.count, report.faults) == ("http://snomed.info/sct", 4, [])
    fever = await known(services, head.key, "900001001")
    assert fever.entry.concept.display == display
    assert {each.value for each in fever.entry.concept.designations} == {
        "Fever of elves (disorder)",
        "Elf fever",
        "Elven fever",
        "Fièvre des elfes",
    }
    assert (fever.parents, fever.children) == (("138875005",), ("900002002",))
    assert fever.properties["sufficientlyDefined"] == (False,)
    old = await known(services, head.key, "900003003")
    assert (old.entry.inactive, old.entry.concept.display) == (True, 'A "quoted" one (disorder)')
    assert await codes(services, Selection(head.key, Having("refset", ("900010000",)))) == ["900002002"]
    assert await codes(services, Selection(head.key, Below("138875005"))) == ["138875005", "900001001", "900002002"]


async def test_claml_with_modifiers(services: Services, tmp_path: Path) -> None:
    report = await load(services, content(write(tmp_path / "r", CLAML)))
    head = report.head
    assert head is not None
    assert (head.url, head.version, head.name) == ("http://hl7.org/fhir/sid/icd-10", "2024", "CIM-10")
    assert (head.language, head.count) == ("fr", 5)
    fever = await known(services, head.key, "Z91")
    assert fever.entry.concept.display == "Fièvre bleue"
    use = {"system": "urn:claml:rubric", "code": "inclusion"}
    assert fever.entry.concept.designations == (Designation("Rhume bleu", "fr", use),)
    assert (fever.parents, fever.children) == (("Z90-Z99",), ("Z91.0", "Z91.1"))
    made, spelled = [(await known(services, head.key, code)).entry.concept.display for code in ("Z91.0", "Z91.1")]
    assert (made, spelled) == ("Fièvre bleue: aiguë", "Fièvre bleue, depuis toujours")
    assert (await known(services, head.key, "I")).entry.abstract
    assert await codes(services, Selection(head.key, Below("I", itself=False))) == ["Z91", "Z91.1", "Z90-Z99", "Z91.0"]


CODE_SYSTEM = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/fhir/CodeSystem/nested",
    "version": "3",
    "name": "Nested",
    "content": "complete",
    "property": [{"code": "weight", "type": "decimal"}],
    "concept": [
        {
            "code": "a",
            "display": "A",
            "property": [{"code": "weight", "valueDecimal": 1.50}],
            "concept": [{"code": "b", "property": [{"code": "status", "valueCode": "retired"}]}],
        },
        {
            "code": "c",
            "property": [{"code": "parent", "valueCode": "b"}, {"code": "notSelectable", "valueBoolean": True}],
        },
    ],
}


async def test_a_code_system_resource(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "nested.json"
    path.write_text(json.dumps(CODE_SYSTEM))
    head = (await load(services, content(path))).head
    assert head is not None
    assert (head.version, head.count, head.properties["weight"]) == ("3", 3, "decimal")
    assert await codes(services, Selection(head.key, Below("a"))) == ["a", "b", "c"]
    assert await codes(services, Selection(head.key, Having("weight", ("1.5",)))) == ["a"]
    b, c = [await known(services, head.key, code) for code in "bc"]
    assert (b.entry.inactive, b.entry.abstract) == (True, False)
    assert (c.entry.inactive, c.entry.abstract) == (False, True)
    path.write_text(json.dumps({**CODE_SYSTEM, "content": "fragment"}))
    with pytest.raises(ReleaseError, match="content 'fragment'"):
        content(path)


BAD = '"LOINC_NUM","LONG_COMMON_NAME","STATUS"\n"90001-1","One","ACTIVE"\n"x","Two","ACTIVE"\n"90002-9","Three"\n'


async def test_lines_that_cannot_be_read_are_told_and_nothing_is_loaded(services: Services, tmp_path: Path) -> None:
    before = (await load(services, content(write(tmp_path / "r", LOINC)))).head
    table = "Loinc_2.99/LoincTable/Loinc.csv"
    bad = write(tmp_path / "bad", {table: BAD + '"90001-1","Again","ACTIVE"\n'})
    report = await load(services, content(bad))
    assert report.head is None
    assert report.faults == [
        f"{table}, line 3: it has no LOINC code.",
        f"{table}, line 4: it has not as many fields as the first line.",
        f"{table}, line 5: its code is there already.",
    ]
    assert services.store.concepts.heads() == [before]
    lenient = await load(services, content(bad), lenient=True)
    assert lenient.head is not None
    assert (lenient.head.count, lenient.faulty) == (1, 3)
    assert services.store.concepts.heads() == [lenient.head]
    assert await remove(services, "http://loinc.org", None) == 1
    assert services.store.concepts.heads() == []
    actions = [row.action for _, row in await services.store.audit_rows()]
    assert actions == ["load-terminology", "load-terminology", "remove-terminology"]


async def test_a_file_that_ends_as_none_of_its_kind_leaves_what_was_there(services: Services, tmp_path: Path) -> None:
    before = (await load(services, content(write(tmp_path / "r", CLAML)))).head
    path = tmp_path / "r" / "cim10.xml"
    path.write_text(CLAML["cim10.xml"].replace("</ClaML>", "<Class"))
    with pytest.raises(ReleaseError, match=r"cim10.xml, line \d+: it is not well-formed XML"):
        await load(services, content(path))
    assert services.store.concepts.heads() == [before]
    assert before is not None
    assert len(await codes(services, Selection(before.key, Whole()))) == 5
