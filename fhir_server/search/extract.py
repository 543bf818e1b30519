"""From a resource to its index entries, compartment owners and labels (http://hl7.org/fhir/R4/search.html).

For each resource type a plan is made once: which rules to run when a JSON property is there. A search expression that
is a plain path becomes nested loops that end in a converter; any other is evaluated by the FHIRPath engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.search.converters import Collector, Convert, converter, family_name
from fhir_server.search.engine_rule import engine_rule, triggers
from fhir_server.search.extract_contained import add_contained, add_nested
from fhir_server.search.parameters import Parameter, Registry, standard_parameters
from fhir_server.search.paths import Leaf, leaves, parse_path, root_of
from fhir_server.search.references import foreign_type, local_reference
from fhir_server.search.texts import texts
from fhir_server.search.values import APART, IndexEntries, inner_kind
from profiles import definitions

Resource = Mapping[str, Any]
Owner = tuple[str, str]
Rule = Callable[[Any, Collector], None]
"""Adds the entries of one property's value (plain path) or of the whole resource (engine)."""

Walk = Callable[[Any, Collector, int], None]
"""A rule that also is told the group."""

_WHOLE = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run for one type: rules per JSON property, then rules that look at the whole resource.

    An engine rule waits for one of its `triggers` unless it has none. `parameters` are those it was made for.
    """

    parameters: Mapping[str, Parameter]
    properties: Mapping[str, tuple[Rule, ...]]
    engine: tuple[tuple[frozenset[str], Rule], ...]
    compartments: tuple[tuple[str, frozenset[str]], ...]
    by_patient: frozenset[str]


class Extractor:
    """Extraction by the parameters of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._plans: dict[str, Plan] = {}
        self._inside: dict[str, Plan] = {}

    def entries(self, resource: Resource, *, base: str) -> IndexEntries:
        """Return the index entries of a valid `resource`; absolute references below `base` count as local.

        Raises Unprocessable when a tenant's own parameter cannot be evaluated on it.
        """
        plan = self._plan(resource["resourceType"])
        collector = self._collect(plan, resource, base)
        contained = resource.get("contained", ())
        inner = [self._collect(self._plan_inside(each["resourceType"]), each, base) for each in contained]
        if contained or collector.pointers:
            add_contained(collector, contained, inner)
        if collector.nested:
            values = [
                self._collect(self._plan_inside(each["resourceType"]), each, base) for _, each in collector.nested
            ]
            add_nested(collector, values)
        found = _distinct(collector)
        found.texts = texts(resource)
        found.by_patient = plan.by_patient
        found.contained = [_inner(each, entries) for each, entries in zip(contained, inner, strict=True)]
        return found

    def _collect(self, plan: Plan, resource: Resource, base: str) -> Collector:
        collector = Collector(base=base)
        for key, value in resource.items():
            for rule in plan.properties.get(key, ()):
                rule(value, collector)
        for waits, rule in plan.engine:
            if not waits or not waits.isdisjoint(resource):
                rule(resource, collector)
        return collector

    def prepare(self, resource_type: str) -> None:
        """Make the plan of a type, so that the first resource of it need not wait for it."""
        self._plan(resource_type)

    def owners(self, resource: Resource, entries: IndexEntries) -> list[Owner]:
        """Return the compartments `resource` is in as (type, id), from its index `entries`.

        A Patient, Encounter, Practitioner, RelatedPerson or Device is in its own compartment
        (http://hl7.org/fhir/R4/compartmentdefinition.html).
        """
        plan = self._plan(resource["resourceType"])
        found: dict[Owner, None] = {}
        for compartment, names in plan.compartments:
            if compartment == resource["resourceType"] and "id" in resource:
                found[compartment, resource["id"]] = None
            for name, kind, id, _, _ in entries.references:
                if kind == compartment and name in names:
                    found[kind, id] = None
        return list(found)

    def labels(self, resource: Resource) -> list[tuple[str, str]]:
        """Return the security labels of `resource` as (system, code); "" where there is no system."""
        codings: Sequence[Mapping[str, Any]] = resource.get("meta", {}).get("security", ())
        return list(dict.fromkeys((each.get("system", ""), each["code"]) for each in codings if "code" in each))

    def _plan_inside(self, resource_type: str) -> Plan:
        """Return the plan for contained resources: a tenant's own parameters are not asked of them.

        Else a new parameter of Patient would be one of everything that can contain a Patient.
        """
        plan = self._inside.get(resource_type)
        if plan is None:
            plan = self._inside[resource_type] = _make_plan(resource_type, Registry())
        return plan

    def _plan(self, resource_type: str) -> Plan:
        plan = self._plans.get(resource_type)
        if plan is None or plan.parameters is not self._registry.indexed_for(resource_type):
            plan = self._plans[resource_type] = _make_plan(resource_type, self._registry)
        return plan


def _inner(resource: Resource, collector: Collector) -> tuple[str, IndexEntries]:
    """Return the entries by which a contained resource is found for itself."""
    found = _distinct(collector)
    found.tokens.append(("_id", "", resource.get("id", ""), 0))
    found.texts = texts(resource)
    return inner_kind(resource["resourceType"]), found


def _distinct(found: Collector) -> IndexEntries:
    # Most kinds have one entry or none, and asking a function for each costs more than looking.
    return IndexEntries(
        found.tokens if len(found.tokens) < 2 else list(dict.fromkeys(found.tokens)),
        found.strings if len(found.strings) < 2 else list(dict.fromkeys(found.strings)),
        found.references if len(found.references) < 2 else list(dict.fromkeys(found.references)),
        found.uris if len(found.uris) < 2 else list(dict.fromkeys(found.uris)),
        found.dates if len(found.dates) < 2 else list(dict.fromkeys(found.dates)),
        found.numbers if len(found.numbers) < 2 else list(dict.fromkeys(found.numbers)),
        found.quantities if len(found.quantities) < 2 else list(dict.fromkeys(found.quantities)),
        found.positions if len(found.positions) < 2 else list(dict.fromkeys(found.positions)),
    )


def _make_plan(resource_type: str, registry: Registry) -> Plan:
    parameters = registry.indexed_for(resource_type)
    # A composite of the tenant's own must not change how the standard's parameters are stored.
    standard, own = _groups(standard_parameters(resource_type).values()), _groups(parameters.values())
    properties: dict[str, list[Rule]] = {}
    engine: list[tuple[frozenset[str], Rule]] = []
    for parameter in parameters.values():
        if not parameter.stored:
            continue
        groups = own if parameter.custom else standard
        for alternative in parameter.alternatives:
            plain = _plain_rules(parameter, alternative, groups.get(parameter.code))
            if plain is None:
                engine.append((triggers(parameter, alternative), engine_rule(parameter, alternative)))
                continue
            for key, rule in plain:
                properties.setdefault(key, []).append(rule)
    compartments = _compartments(resource_type, parameters)
    return Plan(
        parameters,
        {key: tuple(rules) for key, rules in properties.items()},
        tuple(engine),
        compartments,
        _by_patient(resource_type, parameters, dict(compartments).get("Patient")),
    )


def _by_patient(
    resource_type: str, parameters: Mapping[str, Parameter], references: frozenset[str] | None
) -> frozenset[str]:
    """Name what the store keeps by patient: the references that lead there, and tokens coded by terminologies."""
    if not references:
        return frozenset()
    return references | {each.code for each in parameters.values() if _is_coded(resource_type, each)}


def _is_coded(resource_type: str, parameter: Parameter) -> bool:
    paths = [parse_path(_absolute(resource_type, each)) for each in parameter.alternatives]
    return (
        parameter.stored
        # How a form is kept is settled when it is first met; a definition of the tenant's own may change.
        and not parameter.custom
        and parameter.type == "token"
        and parameter.code[0] != "_"
        and any(
            leaf.data_type in ("CodeableConcept", "Coding")
            for path in paths
            if path
            for leaf in leaves(resource_type, path)
        )
    )


def _compartments(resource_type: str, parameters: Mapping[str, Parameter]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Name the entries that lead into each compartment; its own type is in it even without any."""
    found = []
    for compartment, types in definitions.compartments().items():
        codes = [code for code in types.get(resource_type, ()) if code in parameters]
        names = frozenset(answer.name for code in codes for answer in parameters[code].answers)
        if names or compartment == resource_type:
            found.append((compartment, names))
    return tuple(found)


def _groups(parameters: Iterable[Parameter]) -> Mapping[str, Mapping[str, int]]:
    """For each parameter that is part of composites, the number of leading steps its instances are at.

    A path that is in the composite of the whole resource has none; one that is in no composite is APART.
    """
    found: dict[str, dict[str, int]] = {}
    for composite in parameters:
        for instance in composite.alternatives if composite.components else ():
            steps = instance.count(".")
            for component in composite.components:
                known = found.setdefault(component.code, {})
                for text in component.expressions:
                    known[below(instance, text)] = steps
    return found


def group_depth(resource_type: str, parameter: Parameter, text: str, steps: int) -> int | None:
    """Return how many leading steps of the path `text` tell the groups that entries of `parameter` are stored with.

    Those of a tenant's own parameter follow the composites of the tenant, so it is the `steps` that one of them asks
    for. None when the parameter has no entries of that path, or none of its own.
    """
    path = parse_path(_absolute(resource_type, text))
    own = [parse_path(_absolute(resource_type, each)) for each in parameter.alternatives]
    if path is None or path not in own or not parameter.stored:
        return None
    if parameter.custom:
        return steps
    return _group_depth(text, _groups(standard_parameters(resource_type).values()).get(parameter.code))


def below(instance: str, text: str) -> str:
    """Return the path of a component whose expression is `text`, in an `instance` of its composite."""
    if text.startswith("%resource."):
        return f"{instance.partition('.')[0]}.{text.removeprefix('%resource.')}"
    return f"{instance}.{text}"


def _group_depth(alternative: str, known: Mapping[str, int] | None) -> int:
    """Return the leading steps of an alternative's instances; a composite without a cast takes all its types."""
    if known is None:
        return _WHOLE
    path = parse_path(alternative)
    every = path and replace(path, cast="", cast_at=0)
    for text, depth in known.items():
        if parse_path(text) in (path, every):
            return depth
    return APART


def _plain_rules(
    parameter: Parameter, alternative: str, known: Mapping[str, int] | None
) -> list[tuple[str, Rule]] | None:
    path = parse_path(_absolute(parameter.resource_type, alternative))
    if path is None:
        return None
    rules = []
    depth = _group_depth(alternative, known)
    for leaf in leaves(parameter.resource_type, path):
        convert = converter(parameter.type, leaf.data_type, leaf.value_set)
        if convert is not None and parameter.type == "string" and leaf.steps[-1][0] == "family":
            convert = family_name
        if convert is not None:
            if path.target:
                convert = _pointing_to(path.target, convert)
            rules.append((leaf.steps[0][0], _rule(parameter.code, leaf, convert, depth)))
    return rules


def _absolute(resource_type: str, alternative: str) -> str:
    return alternative if root_of(alternative) else f"{resource_type}.{alternative}"


def _rule(name: str, leaf: Leaf, convert: Convert, depth: int) -> Rule:
    """Turn the way to a leaf into nested loops, innermost first."""

    def last(value: Any, to: Collector, group: int) -> None:
        convert(to, name, value, group)

    walk: Walk = last
    for position in range(len(leaf.steps) - 1, -1, -1):
        if leaf.steps[position][1]:
            walk = _each(walk, numbered=position + 1 == depth)
        elif position + 1 == depth:
            walk = _single(walk)
        if position:
            walk = _property(leaf.steps[position][0], walk)
    start = min(depth, _WHOLE)
    if walk is last:
        return lambda value, to: convert(to, name, value, start)
    return lambda value, to: walk(value, to, start)


def _each(inner: Walk, *, numbered: bool) -> Walk:
    def every(values: Any, to: Collector, group: int) -> None:
        for value in values:
            if value is not None:
                inner(value, to, group)

    def instances(values: Any, to: Collector, group: int) -> None:
        for number, value in enumerate(values, 1):
            inner(value, to, number)

    return instances if numbered else every


def _single(inner: Walk) -> Walk:
    return lambda value, to, group: inner(value, to, 1)


def _property(key: str, inner: Walk) -> Walk:
    def enter(value: Any, to: Collector, group: int) -> None:
        child = value.get(key)
        if child is not None:
            inner(child, to, group)

    return enter


def _pointing_to(target: str, convert: Convert) -> Convert:
    """Keep the references whose text (or stated type) says that they point to a `target`."""

    def filtered(to: Collector, name: str, value: Mapping[str, Any], group: int) -> None:
        text = value.get("reference", "")
        if text.startswith("#"):
            to.pointers.append((name, text[1:], target, group))
            return
        local = local_reference(text, to.base)
        kind = local[0] if local else foreign_type(text) or value.get("type")
        if kind == target:
            convert(to, name, value, group)

    return filtered
