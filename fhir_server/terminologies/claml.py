"""Classifications in ClaML 2: ICD-10 of the WHO, CIM-10 of the ATIH, and their relatives.

The format is that of EN 14463. A class is a concept; modifiers make further ones, as they do on paper: F10 with the
modifier's class `.0` is F10.0, below F10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from fhir_server.store.concepts import NewConcept
from fhir_server.terminologies.item import Content, Edge, Fault, Item, Wish
from fhir_server.terminologies.release import Release, ReleaseError
from profiles.terminology.concept import Designation
from profiles.terminology.head import Head

ICD10 = "http://hl7.org/fhir/sid/icd-10"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DISPLAYS = ("preferred", "preferredLong", "libelle")
_ABSTRACT = frozenset(("chapter", "block"))
_CODE = re.compile(r"\S(?:.{0,98}\S)?")


@dataclass(slots=True)
class _Modifiers:
    """The classes of each modifier, as (code, label) by the modifier's code. There are few."""

    classes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def claml(release: Release, wish: Wish) -> Content:
    """Return what is in a ClaML file. Raises ReleaseError for what is none."""
    name = next(iter(claml_names(release)))
    title, language = _title(release, name)
    head = Head(
        0,
        wish.url or ICD10,
        wish.version or title.get("version") or None,
        title.get("name") or "ICD-10",
        language=wish.language or language,
        case_sensitive=True,
    )
    return Content(head, 3 * release.sizes[name], _items(release, name))


def claml_names(release: Release) -> list[str]:
    """Return the XML files whose root is ClaML."""
    found = []
    for name in release.names(r".*\.xml"):
        with release.open(name) as file:
            if b"<ClaML" in file.read(4096):
                found.append(name)
    return found


def _elements(release: Release, name: str, *tags: str) -> Iterator[Any]:
    """Yield elements as they end, each gone after it was looked at. Raises ReleaseError for XML that is none."""
    with release.open(name) as file:
        parsed = etree.iterparse(file, events=("end",), tag=tags, **_SAFE)
        try:
            for _, element in parsed:
                yield element
                element.clear()
                while element.getprevious() is not None:
                    release.done += 100
                    del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise ReleaseError(f"{name}, line {error.lineno}: it is not well-formed XML.") from None


_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def _title(release: Release, name: str) -> tuple[Mapping[str, str], str | None]:
    title: Mapping[str, str] = {}
    for element in _elements(release, name, "Title", "Class"):
        if element.tag == "Title":
            title = dict(element.attrib)
            continue
        labels = [each.get(_LANGUAGE) for each in element.iter("Label")]
        return title, next((each for each in labels if each), None)
    raise ReleaseError(f"{name} has no Class: a classification in ClaML has some.")


def _items(release: Release, name: str) -> Iterator[Item]:
    modifiers = _Modifiers()
    for element in _elements(release, name, "ModifierClass", "Class"):
        code = element.get("code", "")
        if element.tag == "ModifierClass":
            modifiers.classes.setdefault(element.get("modifier", ""), []).append((code, _label(element) or ""))
        elif not _CODE.fullmatch(code):
            yield Item(name, element.sourceline, Fault("the class has no code, or one with blanks around it"))
        else:
            yield Item(name, element.sourceline, _concept(element, code))
    # A class that is spelled out goes before one that a modifier makes, wherever it stands.
    for element in _classes(release, name):
        yield from _modified(name, element, element.get("code", ""), modifiers)
    # A parent may stand behind its child: what is above what is told when all are there.
    for element in _classes(release, name):
        code = element.get("code", "")
        for parent in element.iterchildren("SuperClass"):
            yield Item(name, element.sourceline, Edge(code, parent.get("code", "")))
        for each, _ in _variants(element, code, modifiers):
            yield Item(name, element.sourceline, Edge(each, code), loose=True)


def _classes(release: Release, name: str) -> Iterator[Any]:
    return (each for each in _elements(release, name, "Class") if _CODE.fullmatch(each.get("code", "")))


def _concept(element: Any, code: str) -> NewConcept:
    kind = element.get("kind", "")
    rubrics = [(each.get("kind", ""), each) for each in element.iterchildren("Rubric")]
    definition = next((_text(each) for kind, each in rubrics if kind == "definition"), None)
    display = _label(element)
    others = [
        Designation(text, label.get(_LANGUAGE), {"system": "urn:claml:rubric", "code": kind})
        for kind, each in rubrics
        if kind in (*_DISPLAYS, "inclusion")
        for label in each.iterchildren("Label")
        if (text := _text(label)) and text != display
    ]
    return NewConcept(
        code, display, definition, abstract=kind in _ABSTRACT, designations=others, properties=_kind(element)
    )


def _kind(element: Any) -> list[Any]:
    properties = [("kind", "code", element.get("kind", "category"))]
    return properties + ([("usage", "code", element.get("usage"))] if element.get("usage") else [])


def _label(element: Any) -> str | None:
    """Return the text of the rubric that is the name of a class."""
    for kind in _DISPLAYS:
        for rubric in element.iterchildren("Rubric"):
            if rubric.get("kind") == kind and (text := _text(rubric)):
                return text
    return None


def _text(element: Any) -> str:
    first = next(element.iterchildren("Label"), element)
    return " ".join("".join(first.itertext()).split())


def _modified(name: str, element: Any, code: str, modifiers: _Modifiers) -> Iterator[Item]:
    label = _label(element) or code
    for made, words in _variants(element, code, modifiers):
        concept = NewConcept(made, f"{label}: {words}" if words else label, properties=_kind(element))
        yield Item(name, element.sourceline, concept, loose=True)


def _variants(element: Any, code: str, modifiers: _Modifiers) -> Iterator[tuple[str, str]]:
    for by in element.iterchildren("ModifiedBy"):
        valid = {each.get("code") for each in by.iterchildren("ValidModifierClass")}
        for suffix, words in modifiers.classes.get(by.get("code", ""), ()):
            if by.get("all", "true") != "false" or suffix in valid:
                yield code + suffix, words
