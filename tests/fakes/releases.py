"""Releases of terminologies in their published formats, small and written by hand: every code in them is invented."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from fhir_server.terminologies.item import Content, Wish
from fhir_server.terminologies.read import read
from fhir_server.terminologies.release import open_release

LOINC = {
    "Loinc_2.99/LoincTable/Loinc.csv": (
        '"LOINC_NUM","COMPONENT","PROPERTY","TIME_ASPCT","SYSTEM","SCALE_TYP","METHOD_TYP","CLASS","STATUS",'
        '"SHORTNAME","LONG_COMMON_NAME","DisplayName"\n'
        '"90001-1","Glubose","MCnc","Pt","Ser","Qn","","CHEM","ACTIVE","Glubose Ser","Glubose, serum ""x""","Glubose"\n'
        '"90002-9","Glubose","MCnc","Pt","Urine","Qn","","CHEM","DEPRECATED","","Glubose, urine",""\n'
    ),
    "Loinc_2.99/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv": (
        "PATH_TO_ROOT,SEQUENCE,IMMEDIATE_PARENT,CODE,CODE_TEXT\n"
        ",1,,LP90000-2,{component}\n"
        "LP90000-2,1,LP90000-2,LP90001-0,Glubose\n"
        "LP90000-2.LP90001-0,1,LP90001-0,90001-1,Glubose Ser\n"
        "LP90000-2.LP90001-0,2,LP90001-0,90002-9,Glubose Ur\n"
        "LP90000-2,2,LP90000-2,LP90001-0,Glubose\n"
    ),
    "Loinc_2.99/AccessoryFiles/LinguisticVariants/frFR18LinguisticVariant.csv": (
        '"LOINC_NUM","COMPONENT","PROPERTY","TIME_ASPCT","SYSTEM","SCALE_TYP","METHOD_TYP","LONG_COMMON_NAME"\n'
        '"90001-1","Glubose","Masse/Volume","Ponctuel","Sérum","Quantitatif","",""\n'
        '"99999-9","Autre","Masse/Volume","Ponctuel","Sérum","Quantitatif","",""\n'
    ),
}

_CORE = "900000000000207008"
_FSN, _SYNONYM = "900000000000003001", "900000000000013009"
_US, _GB, _PREFERRED, _ACCEPTABLE = (
    "900000000000509007",
    "900000000000508004",
    "900000000000548007",
    "900000000000549004",
)


def _table(header: str, *rows: tuple[str, ...]) -> str:
    return "\n".join((header.replace(" ", "\t"), *("\t".join(row) for row in rows), ""))


def _description(id: str, concept: str, language: str, kind: str, term: str, active: str = "1") -> tuple[str, ...]:
    return (id, "20240101", active, _CORE, concept, language, kind, term, "900000000000448009")


def _accepted(id: str, refset: str, acceptability: str) -> tuple[str, ...]:
    return (f"u-{id}-{refset}", "20240101", "1", _CORE, refset, id, acceptability)


RF2 = {
    "Snapshot/Terminology/sct2_Concept_Snapshot_INT_20240101.txt": _table(
        "id effectiveTime active moduleId definitionStatusId",
        ("138875005", "20020131", "1", _CORE, "900000000000074008"),
        ("900001001", "20020131", "1", _CORE, "900000000000074008"),
        ("900002002", "20240101", "1", _CORE, "900000000000073002"),
        ("900003003", "20240101", "0", _CORE, "900000000000074008"),
    ),
    "Snapshot/Terminology/sct2_Description_Snapshot-en_INT_20240101.txt": _table(
        "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
        _description("9000101", "138875005", "en", _FSN, "Concept root (invented)"),
        _description("9000102", "900001001", "en", _FSN, "Fever of elves (disorder)"),
        _description("9000103", "900001001", "en", _SYNONYM, "Elf fever"),
        _description("9000104", "900001001", "en", _SYNONYM, "Elven fever"),
        _description("9000105", "900002002", "en", _FSN, "Blue fever of elves (disorder)"),
        _description("9000106", "900001001", "fr", _SYNONYM, "Fièvre des elfes"),
        _description("9000107", "900001001", "en", _SYNONYM, "Old name", "0"),
        _description("9000108", "900003003", "en", _FSN, 'A "quoted" one (disorder)'),
    ),
    "Snapshot/Terminology/sct2_Relationship_Snapshot_INT_20240101.txt": _table(
        "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId "
        "characteristicTypeId modifierId",
        *(
            (id, "20240101", active, _CORE, child, parent, "0", type, "900000000000011006", "900000000000451002")
            for id, active, child, parent, type in (
                ("9000121", "1", "900001001", "138875005", "116680003"),
                ("9000122", "1", "900002002", "900001001", "116680003"),
                ("9000123", "0", "900002002", "138875005", "116680003"),
                ("9000124", "1", "138875005", "900002002", "363698007"),
            )
        ),
    ),
    "Snapshot/Refset/Language/der2_cRefset_LanguageSnapshot-en_INT_20240101.txt": _table(
        "id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId",
        _accepted("9000103", _US, _ACCEPTABLE),
        _accepted("9000104", _US, _PREFERRED),
        _accepted("9000103", _GB, _PREFERRED),
        _accepted("9000106", "900009009", _PREFERRED),
    ),
    "Snapshot/Refset/Content/der2_Refset_SimpleSnapshot_INT_20240101.txt": _table(
        "id effectiveTime active moduleId refsetId referencedComponentId",
        ("u-1", "20240101", "1", _CORE, "900010000", "900002002"),
        ("u-2", "20240101", "0", _CORE, "900010000", "900001001"),
    ),
}

CLAML = {
    "cim10.xml": """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0">
  <Title date="2024-01-01" name="CIM-10" version="2024">Classification inventée</Title>
  <Modifier code="M1"><SubClass code=".0"/></Modifier>
  <ModifierClass code=".0" modifier="M1">
    <Rubric kind="preferred"><Label xml:lang="fr">aiguë</Label></Rubric></ModifierClass>
  <ModifierClass code=".1" modifier="M1">
    <Rubric kind="preferred"><Label xml:lang="fr">chronique</Label></Rubric></ModifierClass>
  <Class code="I" kind="chapter"><SubClass code="Z90-Z99"/>
    <Rubric kind="preferred"><Label xml:lang="fr">Maladies des elfes</Label></Rubric></Class>
  <Class code="Z91" kind="category"><SuperClass code="Z90-Z99"/><ModifiedBy code="M1"/>
    <Rubric kind="preferred"><Label xml:lang="fr">Fièvre <Reference code="I">bleue</Reference></Label></Rubric>
    <Rubric kind="inclusion"><Label xml:lang="fr">Rhume bleu</Label></Rubric>
    <Rubric kind="exclusion"><Label xml:lang="fr">Rhume rouge</Label></Rubric></Class>
  <Class code="Z91.1" kind="category"><SuperClass code="Z91"/>
    <Rubric kind="preferred"><Label xml:lang="fr">Fièvre bleue, depuis toujours</Label></Rubric></Class>
  <Class code="Z90-Z99" kind="block"><SuperClass code="I"/>
    <Rubric kind="preferred"><Label xml:lang="fr">Fièvres</Label></Rubric></Class>
</ClaML>
"""
}


def write(folder: Path, files: Mapping[str, str], **changed: str) -> Path:
    """Write a release into a folder and return that; `changed` has other texts for files, by the end of their stem."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        other = next((value for key, value in changed.items() if path.stem.endswith(key)), None)
        path.write_text(text if other is None else other, encoding="utf-8")
    return folder


def zipped(path: Path, files: Mapping[str, str]) -> Path:
    """Write a release as a zip and return that."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def content(path: Path, wish: Wish | None = None) -> Content:
    """Return what is in the release at `path`."""
    return read(open_release(path), wish or Wish())
