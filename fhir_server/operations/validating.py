"""What a $validate asks, read out of its URL and body (http://hl7.org/fhir/R4/resource-operation-validate.html).

The body is the resource itself, or Parameters with `resource`, `mode` and `profile`. Here a body that cannot be read as
FHIR is not refused: what is wrong with it is what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from fhir_server.errors import BadRequest, ParseFailed
from fhir_server.interactions.call import Call, Resource
from fhir_server.model import fhir_json
from profiles.issues import Issue

Mode = Literal["create", "update", "delete", "profile"]

MODES = ("create", "update", "delete", "profile")
NAMES = ("resource", "mode", "profile")
PARAMETERS = "Parameters"
MOST_PROFILES = 50
"""Profiles one request may name; each of them is a walk through the resource."""
_VALUES = ("valueCode", "valueString", "valueUri", "valueCanonical", "valueUrl")
_INSIDE = re.compile(r"\AParameters\.parameter\[\d+\]\.resource\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: the `resource` (None: the stored one), the `mode` if any, the canonicals of the `profiles`.

    `faults` say why the body, well-formed XML, is no resource that can be read; then there is no `resource`.
    """

    resource: Resource | None
    mode: Mode | None
    profiles: tuple[str, ...]
    faults: Sequence[Issue] = ()


def asked_of(call: Call) -> Asked:
    """Return what is asked. Raises BadRequest for what is no question: unknown or repeated parameters, no JSON."""
    body, faults = _body(call)
    resource, given = body, list(call.parameters)
    if body is not None and _is_question(body, call.type):
        resource, inside = _opened(body)
        given += inside
    if unknown := next((name for name, _ in given if name not in NAMES), None):
        raise BadRequest(
            f"$validate has no parameter {unknown[:40]!r}: it takes {', '.join(NAMES)}.", expression=unknown[:40]
        )
    profiles = tuple(dict.fromkeys(value for name, value in given if name == "profile"))
    if len(profiles) > MOST_PROFILES:
        raise BadRequest(f"$validate takes at most {MOST_PROFILES} profiles at once.", expression="profile")
    if not all(profiles):
        raise BadRequest("A profile is named by its canonical URL; leave the parameter out for none.")
    return Asked(resource, _mode(given), profiles, _as_of_resource(faults, call.type))


def _body(call: Call) -> tuple[Resource | None, Sequence[Issue]]:
    if call.raw is None:
        return None, ()
    if call.media_type.endswith("xml"):
        # lxml is loaded when the first XML comes.
        from fhir_server.model.fhir_xml import resource_of
        from fhir_server.model.xml_reader import read_xml

        root = read_xml(call.raw)
        try:
            return resource_of(root), ()
        except ParseFailed as refusal:
            return None, refusal.issues
    value = fhir_json.parse(call.raw)
    if not isinstance(value, dict):
        raise BadRequest("The body must be one JSON object: a resource, or Parameters with one.", code="structure")
    return value, ()


def _is_question(body: Resource, type: str | None) -> bool:
    """Return whether Parameters are those of the operation: at Parameters/$validate they may be what to judge."""
    if body.get("resourceType") != PARAMETERS:
        return False
    return type != PARAMETERS or any(each.get("name") == "resource" for each in _parameters(body))


def _opened(body: Resource) -> tuple[Resource | None, list[tuple[str, str]]]:
    """Return the resource in the Parameters, None without one, and the other parameters."""
    given: list[tuple[str, str]] = []
    resources: list[Resource] = []
    for each in _parameters(body):
        name = each.get("name")
        if name == "resource":
            if not isinstance(each.get("resource"), dict):
                raise BadRequest("The parameter 'resource' holds the resource under 'resource'.", expression="resource")
            resources.append(each["resource"])
            continue
        values = [each[key] for key in _VALUES if key in each]
        if not isinstance(name, str) or len(values) != 1 or not isinstance(values[0], str):
            raise BadRequest("A parameter of $validate has a name and a resource, a valueCode or a valueUri.")
        given.append((name, values[0]))
    if len(resources) > 1:
        raise BadRequest("$validate judges one resource: send each in a request of its own.", expression="resource")
    return (resources[0] if resources else None), given


def _parameters(body: Resource) -> Iterator[Mapping[str, Any]]:
    found = body.get("parameter", [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadRequest("Parameters.parameter is a list of objects, each with a name.", expression="parameter")
    yield from found


def _mode(given: Sequence[tuple[str, str]]) -> Mode | None:
    modes = {value for name, value in given if name == "mode"}
    if len(modes) > 1 or not modes <= {*MODES}:
        raise BadRequest(f"mode is one of {', '.join(MODES)}, or left out.", expression="mode")
    return cast(Mode, modes.pop()) if modes else None


def _as_of_resource(issues: Sequence[Issue], type: str | None) -> list[Issue]:
    """Return findings inside the parameter `resource` as findings about the resource."""
    return [
        each if each.expression is None else replace(each, expression=_INSIDE.sub(type or "Resource", each.expression))
        for each in issues
    ]
