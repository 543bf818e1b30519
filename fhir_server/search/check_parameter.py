"""Whether a SearchParameter can be served (http://hl7.org/fhir/R4/searchparameter.html), beyond its structure.

Every base, code, type, expression and component is looked at, and each fault is an issue of its own. What is checked
here depends on the definition and the standard alone; that no two parameters of a tenant collide is for its store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from fhir_server.search.converters import converter
from fhir_server.search.extract import below, group_depth
from fhir_server.search.parameters import Registry, standard_parameters, types_of
from fhir_server.search.paths import alternatives, leaves, parse_path, root_of
from profiles import definitions
from profiles.definitions import SearchParameter
from profiles.fhirpath.engine import FhirPathError, compile_expression
from profiles.issues import Issue

Json = Mapping[str, Any]

SERVED = ("draft", "active")
"""The states in which a definition is searched by; in any other it is kept and nothing more."""
_EVERYWHERE = ("Resource", "DomainResource")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CAST = re.compile(r"(?:\.(?:as|ofType)\(\s*|\bas\s+)(?:FHIR\.)?'?(\w+)'?\s*\)*\s*$")
_CALL = re.compile(r"\.(exists|empty|not|all|allTrue|anyTrue|hasValue|count|length)\([^()]*\)\s*$")
_FILTER = re.compile(r"\.where\((?:[^()']|'[^']*'|\((?:[^()']|'[^']*'|\([^()']*\))*\))*\)")
_PICK = re.compile(
    r"\s*\.\s*(?:(?:first|last|tail|single|distinct)\(\s*\)|(?:skip|take)\(\s*\d+\s*\))|\s*\[\s*\d+\s*\]"
)
_BEGINNING = re.compile(r"[A-Z]\w*(?:\.[a-z]\w*(?![\w(]))*")
_COUNTS = ("count", "length")


def is_served(resource: Json) -> bool:
    """Return whether searches use this SearchParameter; a copy of one of the standard's is kept as a document."""
    return resource.get("status") in SERVED and resource.get("url") not in _standard_urls()


@cache
def _standard_urls() -> frozenset[str]:
    return frozenset(each.url for each in definitions.search_parameters())


def definition_of(resource: Json) -> SearchParameter:
    """Return what a structurally valid SearchParameter defines, as far as it matters to the index.

    `comparator` and `modifier` are left out: every one of the type is answered.
    """
    return SearchParameter(
        url=resource["url"],
        code=resource["code"],
        type=resource["type"],
        base=tuple(resource["base"]),
        expression=resource.get("expression", ""),
        targets=tuple(resource.get("target", ())),
        comparators=(),
        modifiers=(),
        components=tuple((_url(part["definition"]), part["expression"]) for part in resource.get("component", ())),
    )


def check_parameter(resource: Json, registry: Registry) -> list[Issue]:
    """Return what keeps a structurally valid SearchParameter from being served (errors), and what to know of it.

    `registry` knows the parameters that its components may refer to.
    """
    if resource.get("url") in _standard_urls():
        return [
            Issue(
                "information",
                "informational",
                "This url names a parameter of the standard. Searches use the standard's own definition; what is kept "
                "here is a document. A parameter of your own needs a url and a code of its own.",
                "SearchParameter.url",
            )
        ]
    if not is_served(resource):
        return []
    definition = definition_of(resource)
    unknown = [base for base in definition.base if base not in _EVERYWHERE and not definitions.is_resource_type(base)]
    if unknown:
        return [_fault("base", "value", f"{base[:64]} is no resource type of R4.") for base in unknown]
    return [*_name(definition), *_kind(resource, definition)] or [*_content(definition, registry)]


def _fault(element: str, code: str, message: str) -> Issue:
    return Issue("error", code, message, f"SearchParameter.{element}")


def _url(canonical: str) -> str:
    return canonical.partition("|")[0]


def _name(definition: SearchParameter) -> Iterator[Issue]:
    if not _CODE.fullmatch(definition.code):
        yield _fault(
            "code",
            "value",
            "The code becomes the name of the parameter in URLs: it takes up to 64 letters, digits, '-' and '_', and "
            "begins with a letter or digit. Names that begin with '_' are the standard's.",
        )
    taken = [kind for kind in types_of(definition.base) if definition.code in standard_parameters(kind)]
    if taken:
        yield _fault(
            "code",
            "duplicate",
            f"The standard has a parameter {definition.code!r} for {', '.join(taken[:3])}"
            f"{' and others' if len(taken) > 3 else ''}, which cannot be replaced: choose another code.",
        )


def _kind(resource: Json, definition: SearchParameter) -> Iterator[Issue]:
    if definition.type == "special":
        yield _fault(
            "type",
            "not-supported",
            "What a parameter of type special means is in no expression, so it cannot be served: use another type.",
        )
    if resource.get("xpathUsage", "normal") != "normal":
        yield _fault(
            "xpathUsage", "not-supported", "Only parameters of usage 'normal' are indexed here: leave xpathUsage out."
        )
    if (definition.type == "composite") != bool(definition.components):
        yield _fault(
            "component",
            "invariant",
            "A composite parameter has components, and only a composite one: it combines two or more of them.",
        )


def _content(definition: SearchParameter, registry: Registry) -> Iterator[Issue]:
    parts = alternatives(definition.expression)
    if not parts:
        yield _fault("expression", "required", "A parameter is indexed by its FHIRPath expression: it needs one.")
        return
    for part in parts:
        root = root_of(part)
        if root is not None and root not in _EVERYWHERE and root not in definition.base:
            yield _fault(
                "expression", "value", f"'{part[:200]}' begins with {root}, which is none of the parameter's bases."
            )
    for base in definition.base:
        own = [part for part in parts if root_of(part) in (base, None, *_EVERYWHERE)]
        if not own:
            yield _fault("expression", "value", f"No part of the expression begins with the base {base}.")
        for part in own:
            yield from _instances(base, part) if definition.type == "composite" else _part(definition, base, part)
        if definition.type == "composite":
            yield from _components(definition, base, own, registry)


def _part(definition: SearchParameter, base: str, part: str) -> Iterator[Issue]:
    """Look at one alternative as it is read for resources of type `base`."""
    try:
        compile_expression(part, root=base, lenient=True)
    except FhirPathError as error:
        yield _fault("expression", "value", f"'{part[:200]}' is not FHIRPath that {base} can be indexed by: {error}")
        return
    found = _types_at(base, part)
    if found is not None and not found:
        yield _fault("expression", "value", f"{base} has no element at '{part[:200]}' that could be indexed.")
    elif found and all(converter(definition.type, data_type, value_set) is None for data_type, value_set in found):
        names = ", ".join(sorted({data_type for data_type, _ in found}))
        yield _fault(
            "expression",
            "value",
            f"'{part[:200]}' finds {names}, which a parameter of type {definition.type} is not indexed by "
            "(http://hl7.org/fhir/R4/search.html#table): choose another type or element.",
        )


def _types_at(base: str, part: str) -> list[tuple[str, str]] | None:
    """Return the data types that `part` may find, each with its required value set; None when only running it tells."""
    # Which of several are taken makes no difference to what type they are of.
    part = _PICK.sub("", _FILTER.sub("", part))
    whole = part if root_of(part) else f"{base}.{part}"
    path = parse_path(whole)
    if path is not None and not path.names:
        return []
    beginning = _BEGINNING.match(whole)
    walked = parse_path(beginning[0]) if beginning else None
    if walked is not None and walked.names and not leaves(base, walked):
        return []
    if path is not None and path.root in definitions.type_names():
        return [(leaf.data_type, leaf.value_set) for leaf in leaves(base, path)]
    if call := _CALL.search(part):
        return [("integer" if call[1] in _COUNTS else "boolean", "")]
    cast = _CAST.search(part)
    return [(cast[1], "")] if cast else None


def _instances(base: str, part: str) -> Iterator[Issue]:
    path = parse_path(part if root_of(part) else f"{base}.{part}")
    if path is None or path.cast or path.target or (path.names and not leaves(base, path)):
        yield _fault(
            "expression",
            "value",
            f"The expression of a composite is a plain path to the instances it combines values of, as in "
            f"'{base}' or '{base}.component': '{part[:200]}' is none.",
        )


def _components(definition: SearchParameter, base: str, instances: list[str], registry: Registry) -> Iterator[Issue]:
    if len(definition.components) < 2:
        yield _fault("component", "invariant", "A composite parameter combines two or more components.")
    known = {each.url: each for each in registry.indexed_for(base).values()}
    for index, (url, text) in enumerate(definition.components):
        where = f"component[{index}]"
        parameter = known.get(url)
        if parameter is None or parameter.type == "composite":
            yield _fault(
                f"{where}.definition",
                "not-found",
                f"{base} has no search parameter {url[:200]} that could be a component: it must be one of the "
                "standard's, or one that is kept here already, and no composite.",
            )
            continue
        for instance in instances:
            steps, path = instance.count("."), below(instance, text)
            depth = group_depth(base, parameter, path, steps)
            if depth != steps:
                yield _fault(
                    f"{where}.expression",
                    "not-supported",
                    f"The values of {parameter.code!r} at '{path[:200]}' are not indexed for each '{instance}' apart, "
                    f"so they cannot be combined there. Define a parameter of your own with the expression "
                    f"'{path[:200]}' and make it the component.",
                )
