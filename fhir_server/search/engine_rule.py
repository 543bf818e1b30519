"""Search expressions that are more than plain paths: the FHIRPath engine evaluates them on the whole resource."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhir_server.errors import Unprocessable
from fhir_server.search.converters import Collector, converter
from fhir_server.search.parameters import Parameter
from profiles import definitions
from profiles.fhirpath.engine import Expression, FhirPathError, Node, compile_expression

_FIRST_NAME = re.compile(r"[A-Z]\w*\.([a-z]\w*)\b(?!\()")
_STEPS = re.compile(r"[A-Z]\w*(?:\.[a-z]\w*(?:\((?:[^()']|'[^']*'|\((?:[^()']|'[^']*')*\))*\))?)*")
_FUNCTION = re.compile(r"(\w+)\(")
_FILTERS = frozenset(("where", "extension", "as", "ofType", "first", "resolve"))
_WHOLE = 0


def engine_rule(parameter: Parameter, alternative: str) -> Callable[[Any, Collector], None]:
    """Return the rule that evaluates `alternative` with the FHIRPath engine; it takes the whole resource."""
    expression: Expression = compile_expression(alternative, root=parameter.resource_type, lenient=True)
    search_type, name = parameter.type, parameter.code

    def found(resource: Any) -> list[Node]:
        try:
            return expression.nodes(resource)
        except FhirPathError as error:
            if not parameter.custom:
                raise
            raise Unprocessable(
                f"The search parameter {name!r} of this server ({parameter.url}) cannot be evaluated on this "
                f"{parameter.resource_type}, so it would not be found by it: correct the parameter's expression, or "
                "retire the parameter."
            ) from error

    def evaluate(resource: Any, to: Collector) -> None:
        for node in found(resource):
            kind = "Resource" if definitions.is_resource_type(node.type) else node.type
            if kind == "Resource" and parameter.targets and node.type not in parameter.targets:
                # The first resource of a Bundle is its composition or its message where it is one.
                continue
            convert = converter(search_type, kind)
            if convert is not None and node.value is not None:
                convert(to, name, node.value, _WHOLE)

    return evaluate


def triggers(parameter: Parameter, alternative: str) -> frozenset[str]:
    """Return the properties of a resource without all of which `alternative` finds nothing; none where it may."""
    resource_type = parameter.resource_type
    if parameter.custom and not _navigates(alternative):
        return frozenset()
    if alternative.startswith(f"{resource_type}.extension("):
        return frozenset(("extension",))
    found = _FIRST_NAME.match(alternative)
    if found is None or not alternative.startswith(resource_type) or "exists()" in alternative:
        return frozenset()
    for kind in definitions.ancestors(resource_type):
        for element in definitions.structure(kind).root.children:
            if element.name == found[1]:
                return frozenset(element.json_names())
    return frozenset()


def _navigates(alternative: str) -> bool:
    """Whether an expression only goes down and filters, so that it finds nothing where its first element is absent."""
    return _STEPS.fullmatch(alternative) is not None and _FILTERS.issuperset(_FUNCTION.findall(alternative))
