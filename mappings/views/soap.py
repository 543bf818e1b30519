"""The four parts of a SOAP note, each a section of a Composition (http://hl7.org/fhir/R4/composition.html).

A text stands in its section to the letter, in an extension beside the narrative that shows it, and counts as long as
the narrative says the same. An empty one is a section with an `emptyReason`, a generated narrative and no text. A part
that was not written has no section. Sections that others have written, by either of the codes of a part and without our
extension, are read by their narrative.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cache

from mappings.concepts.bijection import bijection
from mappings.concepts.names import EMPTY, HL7, LOINC, definition, system
from mappings.paths.path import Json
from mappings.views.kind import TEXT
from mappings.views.narrative import narrative, text_of
from mappings.views.view import Field, Parts

TITLES = {"subjective": "Subjectif", "objective": "Objectif", "assessment": "Évaluation", "plan": "Plan"}
NOTE = (system("document-type"), "soap-note")
RAW = definition("soap-raw-text")
NOT_ASKED = {"coding": [{"system": f"{HL7}/list-empty-reason", "code": "notasked"}]}
NOTHING = "Non renseigné"
FILES = "55107-7"
"""LOINC code of the section that lists the files of a record."""


def is_own(composition: Json) -> bool:
    """Whether a Composition says that it is a note of ours: then what is not there was never written."""
    codings = composition.get("type", {}).get("coding", ())
    return any(each.get("code") == NOTE[1] and each.get("system") == NOTE[0] for each in codings)


def is_soap_note(composition: Json) -> bool:
    """Whether a Composition is a note of ours, or has a part of a SOAP note as a section."""
    if is_own(composition):
        return True
    every = _every_code()
    return any(has_code(each, every) for each in composition.get("section", ()))


@cache
def _every_code() -> frozenset[str]:
    return frozenset(code for part in TITLES for code in codes_of(part))


def soap_field(part: str) -> Field:
    """Return the field of a part, such as `soap.plan`."""

    def read(parts: Parts) -> str | None:
        return read_part(parts["Composition"][0], part)

    def write(parts: Parts, text: str | None) -> None:
        write_part(parts["Composition"][0], part, text)

    return Field(f"soap.{part}", TEXT, read=read, write=write)


def read_part(composition: Json, part: str) -> str | None:
    """Return the text of a part, "" for one that was left empty, None for one that is not there."""
    sections = _sections(composition, part)
    for each in sections:
        raw = _raw(each)
        if raw is not None:
            return raw if _shows(each, raw) else _told(each)
    told = [text for each in sections if "emptyReason" not in each and (text := _told(each))]
    if told:
        return "\n\n".join(told)
    return "" if any("emptyReason" in each for each in sections) else None


def write_part(composition: Json, part: str, text: str | None) -> None:
    """Put the text of a part into its section; what the section holds besides, and other sections, stay."""
    sections = _sections(composition, part)
    if text is None:
        for each in sections:
            _clear(composition, each)
        return
    section = sections[0] if sections else _new(composition, part)
    section.setdefault("title", TITLES[part])
    section["text"] = narrative(text or NOTHING)
    section.pop("emptyReason", None)
    extensions = [each for each in section.pop("extension", ()) if each.get("url") != RAW]
    if text:
        extensions.append({"url": RAW, "valueString": text})
    elif len(sections) > 1 or section.get("entry"):
        # A section with entries must not say that it is empty (cmp-2), and one of several would not hide the others.
        extensions.append({"url": RAW, "_valueString": {"extension": [dict(EMPTY)]}})
    else:
        section["emptyReason"] = dict(NOT_ASKED)
    if extensions:
        section["extension"] = extensions


@cache
def codes_of(part: str) -> tuple[str, ...]:
    """Return the LOINC codes of a part: the one that means it, then the one of the French value set of sections."""
    table = bijection("telemed-soap-section-loinc")
    return (table.forward[part], *table.related.get(part, ()))


def has_code(section: Json, codes: Container[str]) -> bool:
    """Return whether a section has one of these LOINC codes."""
    for each in section.get("code", {}).get("coding", ()):
        if each.get("code") in codes and each.get("system") == LOINC:
            return True
    return False


def _sections(composition: Json, part: str) -> list[Json]:
    """Return the sections of a part, wherever they are nested, those with the code that means it first."""
    codes = codes_of(part)
    found = [each for each in _nested(composition) if has_code(each, codes)]
    return found if len(found) < 2 else sorted(found, key=lambda each: not has_code(each, codes[:1]))


def _nested(holder: Json) -> Iterator[Json]:
    for section in holder.get("section", ()):
        yield section
        yield from _nested(section)


def _new(composition: Json, part: str) -> Json:
    """Put a new section before those that come after it: later parts of the note, and its files."""
    section: Json = {"title": TITLES[part], "code": {"coding": [{"system": LOINC, "code": c} for c in codes_of(part)]}}
    names = list(TITLES)
    later = {FILES, *(code for name in names[names.index(part) + 1 :] for code in codes_of(name))}
    sections = composition.setdefault("section", [])
    place = next((index for index, each in enumerate(sections) if has_code(each, later)), len(sections))
    sections.insert(place, section)
    return section


def _raw(section: Json) -> str | None:
    for each in section.get("extension", ()):
        if each.get("url") == RAW:
            text = each.get("valueString")
            return text if isinstance(text, str) else ""
    return None


def _shows(section: Json, raw: str) -> bool:
    """Whether the narrative still says the text beside it: what others have written since is in the narrative alone."""
    made, div = narrative(raw or NOTHING)["div"], section.get("text", {}).get("div")
    return div is None or div == made or text_of(div) == text_of(made)


def _told(section: Json) -> str:
    """Return what a section of others says: its narrative, then those of the sections in it that are no part."""
    every = _every_code()
    texts = [text_of(section.get("text", {}).get("div", ""))]
    for each in section.get("section", ()):
        if not has_code(each, every):
            texts.append("\n".join(text for text in (each.get("title"), _told(each)) if text))
    return "\n".join(text for text in texts if text).strip()


def _clear(composition: Json, section: Json) -> None:
    """Take the text out of a section, and the section away when it holds nothing that a section must have (cmp-1)."""
    kept = [each for each in section.pop("extension", ()) if each.get("url") != RAW]
    section.pop("text", None)
    section.pop("emptyReason", None)
    if kept:
        section["extension"] = kept
    if not section.get("entry") and not section.get("section"):
        _drop(composition, section)


def _drop(holder: Json, section: Json) -> None:
    sections = holder.get("section", [])
    for each in sections:
        _drop(each, section)
    left = [each for each in sections if each is not section]
    if left:
        holder["section"] = left
    else:
        holder.pop("section", None)
