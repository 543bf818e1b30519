"""LOINC releases: `Loinc.csv`, with the hierarchy of parts and the linguistic variants where they are there.

The columns are those of the LOINC users' guide (https://loinc.org/kb/users-guide/); the properties and the codes are
those of http://hl7.org/fhir/R4/loinc.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from fhir_server.store.concepts import Naming, NewConcept
from fhir_server.terminologies.item import Content, Edge, Fault, Item, Wish
from fhir_server.terminologies.release import Release
from profiles.packages.versions import natural
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head
from profiles.terminology.rules import LOINC

TABLE = "Loinc.csv"
HIERARCHIES = r"ComponentHierarchyBySystem\.csv|MultiAxialHierarchy\.csv|MULTI-AXIAL_HIERARCHY\.CSV"
VARIANTS = r"(?P<language>[a-z]{2})(?P<country>[A-Z]{2})[0-9]+LinguisticVariant\.csv"

_AXES = ("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP")
_PROPERTIES = (*_AXES, "CLASS", "STATUS", "CLASSTYPE", "ORDER_OBS", "CONSUMER_NAME", "VersionLastChanged")
_NAMES = ("SHORTNAME", "CONSUMER_NAME", "DisplayName")
_CODE = re.compile(r"(?:L[A-Z])?[0-9]{1,8}-[0-9]")
_FOLDER = re.compile(r"[Ll]oinc[_-]?v?([0-9]+\.[0-9]+)")
_BAD_CODE = "it has no LOINC code"
_BAD_LINE = "it has not as many fields as the first line"


def loinc(release: Release, wish: Wish) -> Content:
    """Return what is in a LOINC release. Raises ReleaseError for a table that is not what it should be."""
    (table, *_) = release.names(re.escape(TABLE))
    hierarchies, variants = release.names(HIERARCHIES), release.names(VARIANTS)
    size = sum(release.sizes[name] for name in (table, *hierarchies, *hierarchies, *variants))
    version = wish.version or _version(release, table)
    head = Head(0, wish.url or LOINC, version, "LOINC", language="en", case_sensitive=False)
    return Content(head, size, _items(release, table, hierarchies, variants))


def _version(release: Release, table: str) -> str | None:
    named = _FOLDER.search(f"{release.path.name}/{table}")
    if named is not None:
        return named[1]
    newest = ""
    for _, row in release.rows(table, ("LOINC_NUM", "VersionLastChanged")):
        newest = max(newest, row.get("VersionLastChanged", ""), key=natural)
    release.done = 0
    return newest or None


def _items(release: Release, table: str, hierarchies: list[str], variants: list[str]) -> Iterator[Item]:
    for line, row in release.rows(table, ("LOINC_NUM", "LONG_COMMON_NAME", "STATUS")):
        yield Item(table, line, _term(row))
    for name in hierarchies:
        # Parts stand in several places of the hierarchy: the first makes the concept.
        for line, row in release.rows(name, ("CODE", "CODE_TEXT", "IMMEDIATE_PARENT")):
            if not row or not _CODE.fullmatch(row["CODE"]):
                yield Item(name, line, Fault(_BAD_CODE if row else _BAD_LINE))
            elif row["CODE"].startswith("LP"):
                yield Item(name, line, NewConcept(row["CODE"], row["CODE_TEXT"] or None), loose=True)
        for line, row in release.rows(name, ("CODE", "CODE_TEXT", "IMMEDIATE_PARENT")):
            if row.get("IMMEDIATE_PARENT"):
                yield Item(name, line, Edge(row["CODE"], row["IMMEDIATE_PARENT"]), loose=True)
    for name in variants:
        yield from _variant(release, name)


def _term(row: dict[str, str]) -> NewConcept | Fault:
    if not row or not _CODE.fullmatch(row["LOINC_NUM"]):
        return Fault(_BAD_CODE if row else _BAD_LINE)
    names = dict.fromkeys((name, row[name]) for name in _NAMES if row.get(name))
    return NewConcept(
        code=row["LOINC_NUM"],
        display=row["LONG_COMMON_NAME"] or None,
        definition=row.get("DefinitionDescription") or None,
        inactive=row["STATUS"] == "DEPRECATED",
        designations=[Designation(value, "en", {"system": LOINC, "code": name}) for name, value in names],
        properties=[(name, "string", row[name]) for name in _PROPERTIES if row.get(name)],
    )


def _variant(release: Release, name: str) -> Iterator[Item]:
    named = re.fullmatch(VARIANTS, PurePosixPath(name).name)
    assert named is not None
    language = f"{named['language']}-{named['country']}"
    for line, row in release.rows(name, ("LOINC_NUM", *_AXES)):
        if not row or not _CODE.fullmatch(row["LOINC_NUM"]):
            yield Item(name, line, Fault(_BAD_CODE if row else _BAD_LINE))
            continue
        axes = ":".join(row[axis] for axis in _AXES if row[axis])
        texts = (row.get("LinguisticVariantDisplayName"), row.get("LONG_COMMON_NAME") or axes, row.get("SHORTNAME"))
        words = [Designation(text, language) for text in dict.fromkeys(texts) if text]
        if words:
            # A variant is older or newer than the table: what it has more is nobody's loss.
            yield Item(name, line, Naming(row["LOINC_NUM"], words), loose=True)
