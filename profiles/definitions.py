"""The R4 4.0.1 definitions as typed, immutable values, read lazily from the compiled data files.

`structure("Patient")` is the tree of one type; `element("Patient", "contact.name")` walks into it, through content
references and into data types. Everything here is shared by all tenants and never changes
(http://hl7.org/fhir/R4/elementdefinition.html).
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

Kind = Literal["primitive-type", "complex-type", "resource"]
Strength = Literal["required", "extensible", "preferred", "example"]

UNBOUNDED = -1


@dataclass(frozen=True, slots=True)
class ElementType:
    """One alternative of an element: its type, and for references and canonicals the types they may point to."""

    code: str
    targets: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant. `expression` is FHIRPath, "" where the standard has none; see `corrections`.

    `name` is unique (`inv-1~2`); `key` is what the standard calls it (`inv-1`), not always unique there.
    """

    name: str
    severity: Literal["error", "warning"]
    expression: str

    @property
    def key(self) -> str:
        """The standard's own key."""
        return self.name.partition("~")[0]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    `path` is relative to the type (`contact.name`; "" for the type itself), `name` its last part without `[x]`.
    `max` is UNBOUNDED for `*`. `content` is the path, in the same type, whose children this element has too.
    `conditions` are the keys of constraints elsewhere that speak of this element.
    `children` are the element's own child elements in XML order, empty when its type says what is inside.
    """

    path: str
    name: str
    min: int
    max: int
    types: tuple[ElementType, ...]
    content: str
    strength: Strength | None
    value_set: str | None
    constraints: tuple[str, ...]
    conditions: tuple[str, ...]
    summary: bool
    modifier: bool
    attribute: bool
    choice: bool
    regex: str | None
    max_length: int | None
    children: tuple[Element, ...]

    @property
    def repeats(self) -> bool:
        """Whether the element is a JSON array."""
        return self.max == UNBOUNDED or self.max > 1

    def json_names(self) -> dict[str, ElementType | None]:
        """Return each JSON property name of the element with its type (`valueQuantity`, `valueString`, ...)."""
        if not self.choice:
            return {self.name: self.types[0] if self.types else None}
        return {self.name + each.code[0].upper() + each.code[1:]: each for each in self.types}


@dataclass(frozen=True, slots=True)
class Structure:
    """One FHIR type: a primitive, a complex data type, a resource, or an abstract ancestor of these."""

    name: str
    kind: Kind
    abstract: bool
    base: str
    root: Element


def _load(name: str) -> Any:
    return msgspec.json.decode(gzip.decompress(files("profiles.data").joinpath(f"{name}.json.gz").read_bytes()))


@cache
def _structures() -> dict[str, Any]:
    content: dict[str, Any] = _load("structures")
    return content


@cache
def corrections() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the expressions that replace wrong ones of 4.0.1, with reasons.

    {"searchParameters": {url: {"expression"? , "components"?: {published: corrected}, "reason"}},
    "invariants": {name: {"expression", "reason"}}}. `constraint` and `search_parameters` have them applied.
    """
    content: dict[str, Any] = msgspec.json.decode(files("profiles.data").joinpath("corrections.json").read_bytes())
    return content


@cache
def type_names() -> frozenset[str]:
    """Return the names of all types: primitives, data types, resources and abstract ones."""
    return frozenset(_structures()["types"])


@cache
def resource_types() -> tuple[str, ...]:
    """Return the names of the 146 concrete resource types, sorted."""
    types = _structures()["types"]
    return tuple(sorted(n for n, t in types.items() if t["kind"] == "resource" and not t.get("abstract")))


@cache
def _resource_type_set() -> frozenset[str]:
    return frozenset(resource_types())


def is_resource_type(name: str) -> bool:
    """Return whether `name` is a concrete R4 resource type."""
    return name in _resource_type_set()


@cache
def primitive_types() -> frozenset[str]:
    """Return the names of the primitive types, `xhtml` included."""
    return frozenset(n for n, t in _structures()["types"].items() if t["kind"] == "primitive-type")


def _element(row: Mapping[str, Any], children: tuple[Element, ...]) -> Element:
    path = row.get("path", "")
    last = path.rpartition(".")[2]
    types = tuple(
        ElementType(t["code"], tuple(t.get("targets", ())), tuple(t.get("profiles", ()))) for t in row.get("types", ())
    )
    limit = row.get("max", 0)
    return Element(
        path=path,
        name=last.removesuffix("[x]"),
        min=row.get("min", 0),
        max=UNBOUNDED if limit == "*" else limit,
        types=types,
        content=row.get("content", ""),
        strength=row.get("strength"),
        value_set=row.get("valueSet"),
        constraints=tuple(row.get("constraints", ())),
        conditions=tuple(row.get("conditions", ())),
        summary=row.get("summary", False),
        modifier=row.get("modifier", False),
        attribute=row.get("attribute", False),
        choice=last.endswith("[x]"),
        regex=row.get("regex"),
        max_length=row.get("maxLength"),
        children=children,
    )


def _tree(rows: list[Mapping[str, Any]]) -> Element:
    by_parent: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows[1:]:
        by_parent.setdefault(row["path"].rpartition(".")[0], []).append(row)

    def build(row: Mapping[str, Any]) -> Element:
        path = row.get("path", "")
        return _element(row, tuple(build(child) for child in by_parent.get(path, ()) if child.get("path") != path))

    return build(rows[0])


@cache
def structure(name: str) -> Structure:
    """Return the type called `name`. Raises KeyError when R4 has none."""
    row = _structures()["types"][name]
    return Structure(name, row["kind"], row.get("abstract", False), row.get("base", ""), _tree(row["elements"]))


@cache
def constraint(name: str) -> Constraint:
    """Return the invariant called `name` (`obs-7`). Raises KeyError when R4 has none."""
    row = _structures()["constraints"][name]
    corrected = corrections()["invariants"].get(name, row)
    return Constraint(name, row["severity"], corrected.get("expression", ""))


@cache
def core_profiles() -> Mapping[str, Mapping[str, Any]]:
    """Return {url: definition} of R4's own profiles and extensions.

    A definition has id, url, name, kind, type, baseDefinition, context (extensions). Its `elements` are
    the differential, without prose.
    """
    content: dict[str, Any] = _load("core_profiles")
    return content


def constraint_names() -> tuple[str, ...]:
    """Return the names of all invariants of the specification."""
    return tuple(_structures()["constraints"])


@cache
def properties_of(kinds: frozenset[str]) -> frozenset[str]:
    """Return the JSON names of the elements of the primitive types `kinds` in whatever type: `display`, `valueCode`."""
    found: set[str] = set()
    for content in _structures()["types"].values():
        for row in content["elements"]:
            name = row.get("path", "").rpartition(".")[2]
            for kind in {each["code"] for each in row.get("types", ())} & kinds:
                found.add(name.removesuffix("[x]") + kind[0].upper() + kind[1:] if name.endswith("[x]") else name)
    return frozenset(found)


@cache
def _by_path(name: str) -> dict[str, Element]:
    found: dict[str, Element] = {}

    def visit(element: Element) -> None:
        found[element.path] = element
        for child in element.children:
            visit(child)

    visit(structure(name).root)
    return found


def at(name: str, path: str) -> Element:
    """Return the element of type `name` with exactly that relative `path`. Raises KeyError."""
    return _by_path(name)[path]


def ancestors(name: str) -> tuple[str, ...]:
    """Return the type and its ancestors (`Age`, `Quantity`, `Element`), nearest first."""
    chain = [name]
    while base := structure(chain[-1]).base:
        chain.append(base)
    return tuple(chain)


def is_a(name: str, ancestor: str) -> bool:
    """Return whether type `name` is `ancestor` or derives from it."""
    return name == ancestor or ancestor in _ancestor_set(name)


@cache
def _ancestor_set(name: str) -> frozenset[str]:
    return frozenset(ancestors(name)) if name in type_names() else frozenset()


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One SearchParameter of the standard; `components` are (definition url, expression) of a composite."""

    url: str
    code: str
    type: str
    base: tuple[str, ...]
    expression: str
    targets: tuple[str, ...]
    comparators: tuple[str, ...]
    modifiers: tuple[str, ...]
    components: tuple[tuple[str, str], ...]


@cache
def search_parameters() -> tuple[SearchParameter, ...]:
    """Return the 1,400 search parameters of the standard, by url."""
    return tuple(
        SearchParameter(
            url=row["url"],
            code=row["code"],
            type=row["type"],
            base=tuple(row.get("base", ())),
            expression=fix.get("expression", row.get("expression", "")),
            targets=tuple(row.get("target", ())),
            comparators=tuple(row.get("comparator", ())),
            modifiers=tuple(row.get("modifier", ())),
            components=tuple(
                (part["definition"], fix.get("components", {}).get(part["expression"], part["expression"]))
                for part in row.get("component", ())
            ),
        )
        for row in _load("search_parameters")
        for fix in (corrections()["searchParameters"].get(row["url"], {}),)
    )


@cache
def compartments() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return {compartment: {resource type: search parameter codes}} (http://hl7.org/fhir/R4/compartmentdefinition.html)."""
    return {c: {t: tuple(codes) for t, codes in rows.items()} for c, rows in _load("compartments").items()}


@cache
def operations() -> tuple[Mapping[str, Any], ...]:
    """Return the standard's operations as compact dicts: url, code, resource, system, type, instance, parameter."""
    return tuple(_load("operations"))


@cache
def code_systems() -> Mapping[str, Mapping[str, Any]]:
    """Return {url: {version, content, caseSensitive?, hierarchyMeaning?, concepts}}.

    A concept is [code, display?, children?, {property: [values]}?].
    """
    content: dict[str, Any] = _load("code_systems")
    return content


@cache
def value_sets() -> Mapping[str, Mapping[str, Any]]:
    """Return {url: {version, include, exclude?}}; an include has system, version?, concepts?, filter?, valueSet?."""
    content: dict[str, Any] = _load("value_sets")
    return content
