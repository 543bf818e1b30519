"""The search parameters of one tenant (http://hl7.org/fhir/R4/searchparameter.html).

The 1,400 definitions of the standard are sorted by resource type once, lazily; a `Registry` is a view on them, ready
for a tenant's own definitions. An expression is cut down to the alternatives of one resource type. A parameter whose
values other parameters index already (`patient` is `subject` where it points to a Patient; `combo-code` is `code` or
`component-code`) is answered by their entries and stores none of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from fhir_server.search.paths import alternatives, leaves, parse_path, root_of
from profiles import definitions
from profiles.definitions import SearchParameter

# A filter that chooses among values leaves their types as they are.
_CHOICE = re.compile(r"\.where\([^()]*\)")
_EVERYWHERE = ("Resource", "DomainResource")
# Kept by the store itself, or searched in another way than by entries.
_WITHOUT_ENTRIES = frozenset({"_id", "_lastUpdated", "_text", "_content", "_query", "_filter"})
# Examples of how a definition looks, published among the definitions; they repeat codes that are taken.
_SPECIMENS = frozenset(
    f"http://hl7.org/fhir/SearchParameter/{name}" for name in ("example", "example-extension", "example-reference")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Entries that answer for a parameter: those called `name`, only references to a `target` if one is given."""

    name: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite: the parameter `code` of the same type, and where it is below an instance."""

    code: str
    expressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter as it applies to one resource type.

    `alternatives` are the FHIRPath expressions of this type, any of which may give values; `targets` the resource
    types its references may point to (empty: any); `canonical` whether it searches canonical URLs, which may carry a
    version.
    """

    code: str
    type: str
    url: str
    resource_type: str
    alternatives: tuple[str, ...]
    targets: tuple[str, ...]
    answers: tuple[Answer, ...]
    components: tuple[Component, ...] = ()
    canonical: bool = False

    @property
    def expression(self) -> str:
        """The alternatives as one expression."""
        return " | ".join(self.alternatives)

    @property
    def stored(self) -> bool:
        """Whether the parameter has index entries of its own."""
        return self.answers == (Answer(self.code),)


def data_types(parameter: Parameter) -> frozenset[str] | None:
    """Return the data types of the values of `parameter`, None where an expression does not tell them."""
    return _data_types(parameter.resource_type, parameter.alternatives)


@lru_cache(maxsize=4096)
def _data_types(resource_type: str, chosen: tuple[str, ...]) -> frozenset[str] | None:
    found: set[str] = set()
    for each in chosen:
        bare = _CHOICE.sub("", each)
        path = parse_path(bare if root_of(bare) else f"{resource_type}.{bare}")
        kinds = {leaf.data_type for leaf in leaves(resource_type, path)} if path and path.names else set()
        if not kinds or "Extension" in kinds:
            return None
        found |= kinds
    return frozenset(found) if found else None


class Registry:
    """Which parameters each resource type has: the standard's, and `additions` that win over them."""

    def __init__(self, additions: Sequence[SearchParameter] = ()) -> None:
        self._additions = tuple(additions)
        self._types: dict[str, Mapping[str, Parameter]] = {}

    def get(self, resource_type: str, code: str) -> Parameter | None:
        """Return the parameter `code` of `resource_type`, or None."""
        return self.all_for(resource_type).get(code)

    def all_for(self, resource_type: str) -> Mapping[str, Parameter]:
        """Return the parameters of `resource_type` by code, those of every resource included, sorted."""
        if not self._additions:
            return standard_parameters(resource_type)
        if resource_type not in self._types:
            self._types[resource_type] = _parameters(resource_type, self._additions)
        return self._types[resource_type]


@cache
def standard_parameters(resource_type: str) -> Mapping[str, Parameter]:
    """Return the parameters that R4 4.0.1 gives `resource_type`, by code."""
    return _parameters(resource_type, ())


@cache
def _by_base() -> Mapping[str, tuple[SearchParameter, ...]]:
    sorted_out: dict[str, list[SearchParameter]] = {}
    for definition in definitions.search_parameters():
        if definition.url not in _SPECIMENS:
            for base in definition.base:
                sorted_out.setdefault(base, []).append(definition)
    return {base: tuple(found) for base, found in sorted_out.items()}


def _definitions_of(resource_type: str, additions: Iterable[SearchParameter]) -> dict[str, SearchParameter]:
    bases = [base for base in _EVERYWHERE if definitions.is_a(resource_type, base)]
    bases = [base for base in bases if base != resource_type] + [resource_type]
    found = {each.code: each for base in bases for each in _by_base().get(base, ())}
    return found | {each.code: each for base in bases for each in additions if base in each.base}


def _parameters(resource_type: str, additions: Sequence[SearchParameter]) -> Mapping[str, Parameter]:
    found = _definitions_of(resource_type, additions)
    codes = {each.url: code for code, each in found.items()}
    own = [_parameter(resource_type, each, codes) for each in found.values()]
    settled: dict[str, Parameter] = {}
    for each in sorted(own, key=_breadth):
        settled[each.code] = _answered(each, settled)
    return dict(sorted(settled.items()))


def _breadth(parameter: Parameter) -> tuple[int, bool, str]:
    """Sort the parameters that can answer for others before those others."""
    filtered = any(".where(" in each for each in parameter.alternatives)
    return len(set(parameter.alternatives)), filtered, parameter.code


def _parameter(resource_type: str, definition: SearchParameter, codes: Mapping[str, str]) -> Parameter:
    chosen = tuple(
        each for each in alternatives(definition.expression) if root_of(each) in (resource_type, None, *_EVERYWHERE)
    )
    components = tuple(Component(codes.get(url, ""), alternatives(text)) for url, text in definition.components)
    return Parameter(
        code=definition.code,
        type=definition.type,
        url=definition.url,
        resource_type=resource_type,
        alternatives=chosen,
        targets=definition.targets,
        answers=() if definition.code in _WITHOUT_ENTRIES or not chosen else (Answer(definition.code),),
        components=components,
        canonical=definition.type in ("reference", "uri") and _holds_canonicals(resource_type, chosen),
    )


def _holds_canonicals(resource_type: str, chosen: tuple[str, ...]) -> bool:
    for each in chosen:
        path = parse_path(each)
        if path is None:
            if ".resource" in each:
                return True
        elif any(leaf.data_type in ("canonical", "uri") for leaf in leaves(resource_type, path)):
            return True
    return False


def _answered(parameter: Parameter, settled: Mapping[str, Parameter]) -> Parameter:
    """Return `parameter` with the answers of settled ones in place of its own, where they cover it."""
    if not parameter.stored:
        return parameter
    if parameter.type == "composite":
        return replace(parameter, answers=())
    covered: dict[str, Answer] = {}
    for other in settled.values():
        if other.type == parameter.type and other.stored:
            for alternative, target in _covers(other, parameter):
                covered.setdefault(alternative, Answer(other.code, target))
    if covered.keys() != set(parameter.alternatives):
        return parameter
    return replace(parameter, answers=tuple(dict.fromkeys(covered.values())))


def _covers(other: Parameter, parameter: Parameter) -> Iterable[tuple[str, str]]:
    """Find the alternatives of `parameter` that the entries of `other` answer, each with the target to ask for.

    All of `other` must be part of `parameter`, else its entries would answer too much.
    """
    theirs = set(other.alternatives)
    if theirs <= set(parameter.alternatives):
        return [(each, "") for each in other.alternatives]
    if parameter.type != "reference" or len(theirs) != 1:
        return ()
    paths = {each: parse_path(each) for each in parameter.alternatives}
    plain = parse_path(other.alternatives[0])
    return [
        (each, path.target)
        for each, path in paths.items()
        if path and plain and path.target and not plain.target and replace(path, target="") == plain
    ]
