"""References: what a text refers to, where a resource refers from, and how its references are rewritten.

http://hl7.org/fhir/R4/references.html and, for the rewriting, http://hl7.org/fhir/R4/http.html#transaction: in a
Bundle an entry's fullUrl is replaced wherever it may occur, in `Reference.reference`, in elements of the types uri
and url, and in a narrative's links and images. What is a reference is decided by the element's type: a string that
happens to hold the same text stays as it is. So does a canonical, as the standard demands, and what is of the types oid
and uuid, which cannot hold the replacement.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from fhir_server.model.fhir_json import encode
from fhir_server.model.layout import RESOURCE, key_of, layout
from fhir_server.model.resource import is_id
from profiles.definitions import is_resource_type

Replace = Callable[[str], "str | None"]
LinkType = Literal["reference", "uri", "xhtml"]

_LINK_TYPES: Mapping[str, LinkType] = {"uri": "uri", "url": "uri", "xhtml": "xhtml"}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_NARRATIVE_TAG = re.compile(r"""<(?:a|img)\s(?:[^>"']|"[^"]*"|'[^']*')*>""")
_NARRATIVE_LINKS = ("href", "src")
_ATTRIBUTE = re.compile(r"""([^\s=>"']+)(\s*=\s*)(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class Local:
    """A resource of this server, `version` when a single version of it is meant."""

    type: str
    id: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class External:
    """A resource, or anything, at an absolute URL elsewhere."""

    url: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """A contained resource; `id` is empty for the container itself (`#`)."""

    id: str


@dataclass(frozen=True, slots=True)
class Urn:
    """A `urn:`: within a Bundle an entry's fullUrl, else an identity without an address."""

    text: str


@dataclass(frozen=True, slots=True)
class Conditional:
    """A search that must find one resource (`Patient?identifier=...`), allowed in transactions."""

    type: str
    query: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A text that is none of these."""

    text: str


Target = Local | External | Fragment | Urn | Conditional | Unknown


def parse_reference(text: str, base: str) -> Target:
    """Return what `text` refers to; `base` is this server's absolute base URL without a trailing slash."""
    if text.startswith("#"):
        return Fragment(text[1:])
    if text[:4].lower() == "urn:":
        return Urn(text)
    relative = text[len(base) + 1 :] if base and text.startswith(base + "/") else text
    local = _local(relative)
    if local is not None:
        return local
    return External(text) if _SCHEME.match(text) else Unknown(text)


def _local(text: str) -> Local | Conditional | None:
    path, question, query = text.partition("?")
    type, _, rest = path.partition("/")
    if not is_resource_type(type):
        return None
    if question:
        return Conditional(type, query) if query and not rest else None
    id, _, rest = rest.partition("/")
    if not is_id(id):
        return None
    if not rest:
        return Local(type, id)
    history, _, version = rest.partition("/")
    return Local(type, id, version) if history == "_history" and is_id(version) else None


class Found(NamedTuple):
    """A place that refers to something: `holder[key]` is `text`, `expression` its FHIRPath, `type` how it refers."""

    holder: dict[str, Any] | list[Any]
    key: str | int
    text: str
    expression: str
    type: LinkType


class _Branch(NamedTuple):
    """What to do with one JSON property: it is a link, or it holds what the layout `plan` tells."""

    link: LinkType | None
    plan: str


_Plan = dict[str, _Branch]


@cache
def _plan(key: str) -> _Plan:
    """Return the properties of a layout that are links or can hold some."""
    plan: _Plan = {}
    for name, property in layout(key).items():
        link = "reference" if key == "Reference" and name == "reference" else _LINK_TYPES.get(property.code)
        if link or property.inside:
            plan[name] = _Branch(link, property.inside)
        if not property.inside and not property.element.attribute:
            plan["_" + name] = _Branch(None, "Element")
    return plan


def _plan_of(key: str, node: Mapping[str, Any]) -> _Plan:
    return _plan(key_of(key, node))


def links(resource: dict[str, Any]) -> Iterator[Found]:
    """Yield every place of `resource` that refers to something, nested resources and extensions included."""
    return _links(resource, RESOURCE, str(resource.get("resourceType", "")))


def references(resource: dict[str, Any]) -> Iterator[Found]:
    """Yield every `Reference.reference` of `resource`, nested resources and extensions included."""
    return (found for found in _links(resource, RESOURCE, str(resource["resourceType"])) if found.type == "reference")


def _links(node: dict[str, Any], key: str, expression: str) -> Iterator[Found]:
    plan = _plan_of(key, node)
    for name, value in node.items():
        branch = plan.get(name)
        if branch is None:
            continue
        path = f"{expression}.{name.removeprefix('_')}"
        if isinstance(value, dict) and branch.plan:
            yield from _links(value, branch.plan, path)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, dict) and branch.plan:
                    yield from _links(each, branch.plan, f"{path}[{index}]")
                elif branch.link and isinstance(each, str):
                    yield Found(value, index, each, f"{path}[{index}]", branch.link)
        elif branch.link and isinstance(value, str):
            yield from _texts(node, name, value, path, branch.link)


def _texts(holder: dict[str, Any], key: str, text: str, path: str, type: LinkType) -> Iterator[Found]:
    if type != "xhtml":
        yield Found(holder, key, text, path, type)
        return
    for link in _narrative_links(text):
        yield Found(holder, key, link, path, "xhtml")


def _narrative_links(text: str) -> Iterator[str]:
    if "href" not in text and "src" not in text:
        return
    for tag in _NARRATIVE_TAG.finditer(text):
        for attribute in _ATTRIBUTE.finditer(tag[0]):
            if attribute[1] in _NARRATIVE_LINKS:
                yield _attribute_value(attribute)


def _attribute_value(attribute: re.Match[str]) -> str:
    return html.unescape(attribute[4] if attribute[3] is None else attribute[3])


def rewrite(resource: dict[str, Any], mapping: Replace) -> dict[str, Any]:
    """Return `resource` with each reference that `mapping` knows replaced by what it answers (None: unknown).

    `mapping` is asked about every `Reference.reference`, conditional ones included, and about absolute texts of the
    other kinds. Nothing is changed in place; what has no replacement is shared with the input.
    """
    return _rewrite(resource, _plan_of(RESOURCE, resource), mapping)


def localize(resource: dict[str, Any], base: str, text: bytes | None = None) -> dict[str, Any]:
    """Return `resource` with references to absolute addresses of this server (`base`) made relative.

    `text` is its JSON, where that is at hand. What needs no change is returned as it is.
    """
    start = base + "/"
    # Most resources never mention this server: writing them and looking is ten times as fast as walking them.
    if start.encode() not in (encode(resource) if text is None else text):
        return resource
    found = {each.text: relative(each.text, base) for each in references(resource) if each.text.startswith(start)}
    return _rewrite(resource, _plan_of(RESOURCE, resource), found.get, only_references=True)


def relative(text: str, base: str) -> str | None:
    """Return the reference `text` to an absolute address of this server made relative, None for any other text."""
    if not text.startswith(base + "/"):
        return None
    rest = text[len(base) + 1 :]
    return rest if _local(rest) else None


class Place(NamedTuple):
    """A place of a resource whose text may be replaced: `holder[key]` was `text` when it was found."""

    holder: dict[str, Any] | list[Any]
    key: str | int
    text: str
    type: LinkType

    def put(self, mapping: Replace) -> None:
        """Replace the original text by what `mapping` answers, or put it back when that is None (in place)."""
        if self.type == "reference":
            found = mapping(self.text)
            self.holder[self.key] = self.text if found is None else found  # type: ignore[index]
        else:
            self.holder[self.key] = _replace_text(self.text, self.type, mapping)  # type: ignore[index]

    def restore(self) -> None:
        """Put the original text back."""
        self.holder[self.key] = self.text  # type: ignore[index]


def places(resource: dict[str, Any], known: Container[str]) -> list[Place]:
    """Return where `resource` refers to something that a transaction may have to replace.

    These are every `Reference.reference` but those to contained resources, and the elements of the other kinds that
    hold a text of `known`. One walk finds them; writing them is then a matter of assignments.
    """
    found: list[Place] = []
    _collect(resource, _plan_of(RESOURCE, resource), known, found)
    return found


def _collect(node: dict[str, Any], plan: _Plan, known: Container[str], found: list[Place]) -> None:
    # The hottest loop of a transaction: each object of each resource comes by, so it makes no call that it can spare.
    for name, value in node.items():
        branch = plan.get(name)
        if branch is None:
            continue
        link, inside = branch
        kind = type(value)
        if kind is str:
            if link is not None and (value in known or (link != "uri" and _replaceable(value, link, known))):
                found.append(Place(node, name, value, link))
        elif kind is dict:
            if inside:
                _collect(value, _plan(inside) if inside != RESOURCE else _plan_of(RESOURCE, value), known, found)
        elif kind is list:
            _collect_list(value, branch, known, found)


def _collect_list(values: list[Any], branch: _Branch, known: Container[str], found: list[Place]) -> None:
    link, inside = branch
    if inside and inside != RESOURCE:
        plan = _plan(inside)
        for each in values:
            if type(each) is dict:
                _collect(each, plan, known, found)
        return
    for index, each in enumerate(values):
        if inside and type(each) is dict:
            _collect(each, _plan_of(RESOURCE, each), known, found)
        elif link is not None and type(each) is str and _replaceable(each, link, known):
            found.append(Place(values, index, each, link))


def _replaceable(text: str, link: LinkType, known: Container[str]) -> bool:
    if link == "reference":
        return text[:1] != "#"
    return text in known or (link == "xhtml" and any(each in known for each in _narrative_links(text)))


def _rewrite(node: dict[str, Any], plan: _Plan, mapping: Replace, only_references: bool = False) -> dict[str, Any]:
    changed: dict[str, Any] | None = None
    for name, value in node.items():
        branch = plan.get(name)
        if branch is None:
            continue
        if isinstance(value, str):
            new: Any = _text(value, branch.link, mapping, only_references) if branch.link else value
        elif isinstance(value, dict):
            new = _inside(value, branch, mapping, only_references)
        elif isinstance(value, list):
            new = _list(value, branch, mapping, only_references)
        else:
            continue
        if new is not value:
            changed = dict(node) if changed is None else changed
            changed[name] = new
    return node if changed is None else changed


def _inside(value: dict[str, Any], branch: _Branch, mapping: Replace, only_references: bool) -> dict[str, Any]:
    if not branch.plan:
        return value
    plan = _plan_of(RESOURCE, value) if branch.plan == RESOURCE else _plan(branch.plan)
    return _rewrite(value, plan, mapping, only_references)


def _list(value: list[Any], branch: _Branch, mapping: Replace, only_references: bool) -> list[Any]:
    changed: list[Any] | None = None
    for index, each in enumerate(value):
        if isinstance(each, dict):
            new: Any = _inside(each, branch, mapping, only_references)
        elif isinstance(each, str) and branch.link:
            new = _text(each, branch.link, mapping, only_references)
        else:
            continue
        if new is not each:
            changed = list(value) if changed is None else changed
            changed[index] = new
    return value if changed is None else changed


def _text(text: str, link: LinkType, mapping: Replace, only_references: bool) -> str:
    if link == "reference":
        new = mapping(text)
        return text if new is None else new
    return text if only_references else _replace_text(text, link, mapping)


def _replace_text(text: str, link: LinkType, mapping: Replace) -> str:
    """Return a uri or narrative with what `mapping` knows replaced; the same object when nothing is."""
    if link == "xhtml":
        return _replace_narrative(text, mapping)
    if ":" not in text:
        return text
    new = mapping(text)
    return text if new is None else new


def _replace_narrative(text: str, mapping: Replace) -> str:
    if "href" not in text and "src" not in text:
        return text

    def replaced(attribute: re.Match[str]) -> str:
        old = _attribute_value(attribute) if attribute[1] in _NARRATIVE_LINKS else ""
        new = mapping(old) if ":" in old else None
        return attribute[0] if new is None else f'{attribute[1]}{attribute[2]}"{html.escape(new)}"'

    new = _NARRATIVE_TAG.sub(lambda tag: _ATTRIBUTE.sub(replaced, tag[0]), text)
    return text if new == text else new
