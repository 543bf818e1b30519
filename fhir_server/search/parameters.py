"""The search parameters of one tenant (http://hl7.org/fhir/R4/searchparameter.html).

The 1,400 definitions of the standard are sorted by resource type once, lazily; a `Registry` adds a tenant's own, which
may change while the server runs. An expression is cut down to the alternatives of one resource type. A parameter whose
values other parameters index already (`patient` is `subject` where it points to a Patient; `combo-code` is `code` or
`component-code`) is answered by their entries and stores none of its own. The standard's settle that among themselves;
a tenant's own may be answered by the standard's, never the other way round, so that what is stored for the standard's
is the same with every tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256

from fhir_server.search.paths import alternatives, leaves, parse_path, root_of
from fhir_server.search.refuse import Unanswered
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
    version; `custom` whether it is a tenant's own.
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
    custom: bool = False

    @property
    def expression(self) -> str:
        """The alternatives as one expression."""
        return " | ".join(self.alternatives)

    @property
    def stored(self) -> bool:
        """Whether the parameter has index entries of its own."""
        return self.answers == (Answer(self.code),)

    @property
    def nested(self) -> bool:
        """Whether its values are resources that a Bundle holds, not references to stored ones."""
        return self.resource_type == "Bundle" and all(each.endswith(".resource") for each in self.alternatives)


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


@dataclass(frozen=True, slots=True)
class Addition:
    """A definition of the tenant's own; `complete` says that all resources there are have been indexed by it."""

    definition: SearchParameter
    complete: bool = True


class Incomplete(Unanswered):
    """A search by a parameter that not all resources are indexed by yet: its answer would be half of one."""

    code = "incomplete"


class Registry:
    """Which parameters each resource type has: the standard's, and the tenant's own beside them.

    `mark` stands for the tenant's own definitions: index entries made under one mark are not those of another.
    `epoch` grows with every change, also of what is complete.
    `progress` is how many resources the indexing under way is through with, and how many there are; None without one.
    """

    def __init__(self, additions: Sequence[Addition] = ()) -> None:
        self.additions: tuple[Addition, ...] = ()
        self.mark = ""
        self.epoch = 0
        self.progress: tuple[int, int] | None = None
        self._incomplete: frozenset[str] = frozenset()
        self._types: dict[str, Mapping[str, Parameter]] = {}
        self.change(additions)

    def change(self, additions: Sequence[Addition]) -> None:
        """Let the tenant's own definitions be `additions`; what is known of types they do not concern stays."""
        self.epoch += 1
        before = {each.definition for each in self.additions}
        after = {each.definition for each in additions}
        concerned = {kind for each in before ^ after for kind in types_of(each.base)}
        self.additions = tuple(sorted(additions, key=lambda each: each.definition.url))
        self.mark = fingerprint(*(each.definition for each in self.additions)) if additions else ""
        self._incomplete = frozenset(each.definition.url for each in additions if not each.complete)
        self._types = {kind: known for kind, known in self._types.items() if kind not in concerned}

    def get(self, resource_type: str, code: str) -> Parameter | None:
        """Return the parameter `code` of `resource_type`, or None. Raises Incomplete while it is being indexed."""
        found = self.indexed_for(resource_type).get(code)
        if found is not None and self._incomplete and self._lacks(found):
            raise Incomplete(self._progress_of(found), expression=code)
        return found

    def all_for(self, resource_type: str) -> Mapping[str, Parameter]:
        """Return the parameters that `resource_type` can be searched by, by code, those of every resource included."""
        found = self.indexed_for(resource_type)
        if self._incomplete:
            return {code: each for code, each in found.items() if not self._lacks(each)}
        return found

    def indexed_for(self, resource_type: str) -> Mapping[str, Parameter]:
        """Return the parameters that `resource_type` is indexed by: those that cannot be searched by yet as well."""
        if not self.additions:
            return standard_parameters(resource_type)
        if resource_type not in self._types:
            self._types[resource_type] = _extended(resource_type, [each.definition for each in self.additions])
        return self._types[resource_type]

    def _lacks(self, parameter: Parameter) -> bool:
        """Whether entries of `parameter` are missing: one that the standard's answer for has none to miss."""
        answered = bool(parameter.answers) and not parameter.stored
        return parameter.custom and not answered and parameter.url in self._incomplete

    def _progress_of(self, parameter: Parameter) -> str:
        far = "the indexing has not begun"
        if self.progress is not None:
            far = f"{self.progress[0]:,} of {self.progress[1]:,} resources are done"
        return (
            f"Search parameter {parameter.code!r}: {parameter.resource_type} is still being indexed by it ({far}). "
            "Search by it when that is complete (GET [base]/$reindex shows how far it is), or leave it out."
        )


def types_of(base: Iterable[str]) -> tuple[str, ...]:
    """Return the concrete resource types that a definition with this `base` applies to."""
    named = set(base)
    if named.isdisjoint(_EVERYWHERE):
        return tuple(sorted(named))
    return tuple(each for each in definitions.resource_types() if named & set(definitions.ancestors(each)))


def fingerprint(*found: SearchParameter) -> str:
    """Return what tells these definitions from any others, in a few letters; the same in every process."""
    return sha256(repr(found).encode()).hexdigest()[:32]


@cache
def standard_parameters(resource_type: str) -> Mapping[str, Parameter]:
    """Return the parameters that R4 4.0.1 gives `resource_type`, by code."""
    return _parameters(resource_type)


@cache
def _by_base() -> Mapping[str, tuple[SearchParameter, ...]]:
    sorted_out: dict[str, list[SearchParameter]] = {}
    for definition in definitions.search_parameters():
        if definition.url not in _SPECIMENS:
            for base in definition.base:
                sorted_out.setdefault(base, []).append(definition)
    return {base: tuple(found) for base, found in sorted_out.items()}


def _bases(resource_type: str) -> tuple[str, ...]:
    wider = [base for base in _EVERYWHERE if base != resource_type and definitions.is_a(resource_type, base)]
    return (*wider, resource_type)


def _parameters(resource_type: str) -> Mapping[str, Parameter]:
    found = {each.code: each for base in _bases(resource_type) for each in _by_base().get(base, ())}
    codes = {each.url: code for code, each in found.items()}
    own = [_parameter(resource_type, each, codes) for each in found.values()]
    settled: dict[str, Parameter] = {}
    for each in sorted(own, key=_breadth):
        settled[each.code] = _answered(each, settled)
    return dict(sorted(settled.items()))


def _extended(resource_type: str, additions: Iterable[SearchParameter]) -> Mapping[str, Parameter]:
    """Return the standard's parameters of a type and the tenant's own; the standard's own mapping without any."""
    standard = standard_parameters(resource_type)
    bases = set(_bases(resource_type))
    own = [each for each in additions if not bases.isdisjoint(each.base) and each.code not in standard]
    if not own:
        return standard
    codes = {each.url: code for code, each in standard.items()} | {each.url: each.code for each in own}
    made = (replace(_parameter(resource_type, each, codes), custom=True) for each in own)
    # A composite goes with its components: without one of them it could only be answered by half.
    whole = [each for each in made if all(part.code for part in each.components)]
    return dict(sorted({**standard, **{each.code: _answered(each, standard) for each in whole}}.items()))


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
    if not parameter.stored or parameter.nested:
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
