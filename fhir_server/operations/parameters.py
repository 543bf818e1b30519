"""The parameters of an operation: those of the URL and of the body read by its definition, and those of the answer.

See http://hl7.org/fhir/R4/operations.html#executing. What an operation takes, how often and of which type stands in its
OperationDefinition; whatever else comes is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call, Resource
from profiles import definitions

Json = Mapping[str, Any]

_STRINGS = frozenset(("code", "uri", "url", "string", "canonical", "dateTime", "date", "id", "oid", "uuid", "markdown"))
_WHOLE = frozenset(("integer", "positiveInt", "unsignedInt"))
_COMPLEX = frozenset(("Coding", "CodeableConcept"))
_VALUES = ("valueString", "valueCode", "valueId", "valueUri", "valueCanonical", "valueUrl")
_INTEGER = re.compile(r"-?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Given:
    """What came with an operation, by name: str, bool, int, JSON of a data type or a resource, lists of parts."""

    values: Mapping[str, Sequence[Any]]

    def __contains__(self, name: str) -> bool:
        """Whether the parameter came."""
        return name in self.values

    def all(self, name: str) -> Sequence[Any]:
        """Return every value of a parameter."""
        return self.values.get(name, ())

    def one(self, name: str) -> Any:
        """Return the value of a parameter that comes once, None when it did not."""
        return self.values[name][0] if name in self.values else None

    def text(self, name: str) -> str | None:
        """Return the value of a parameter whose type is a kind of string."""
        found: str | None = self.one(name)
        return found

    def demand(self, name: str, why: str) -> Any:
        """Return the value of a parameter that is needed. Raises BadRequest."""
        if name not in self.values:
            raise BadRequest(f"The parameter {name} is missing: {why}.", expression=name, code="required")
        return self.one(name)

    def refuse(self, *names: str, way_out: str) -> None:
        """Raise BadRequest for the first of the parameters that came: this server does not follow it."""
        for name in names:
            if name in self.values:
                raise BadRequest(
                    f"The parameter {name} is not answered here: {way_out}.", expression=name, code="not-supported"
                )


def read_parameters(call: Call, operation: str) -> Given:
    """Return the parameters of `$operation` at the call's type. Raises BadRequest for each that it does not take."""
    declared = _declared(operation, call.type)
    values: dict[str, list[Any]] = {}
    for name, value in (*_of_query(call, declared, operation), *_of_body(call, declared, operation)):
        found = values.setdefault(name, [])
        found.append(value)
        if declared[name]["max"] != "*" and len(found) > int(declared[name]["max"]):
            raise BadRequest(f"The parameter {name} came more than once: give it once.", expression=name)
    return Given(values)


@cache
def _declared(operation: str, type: str | None) -> Mapping[str, Json]:
    """Return what the standard says of the parameters that go in, by name."""
    for each in definitions.operations():
        if each["code"] == operation and (type is None or type in each["resource"]):
            return {row["name"]: row for row in each["parameter"] if row["use"] == "in"}
    raise LookupError(operation)


def _row(declared: Mapping[str, Json], name: str, operation: str) -> Json:
    if name not in declared:
        known = ", ".join(declared)
        raise BadRequest(
            f"${operation} has no parameter {name[:40]!r}. It takes {known}.",
            expression=name[:40],
            code="not-supported",
        )
    return declared[name]


def _of_query(call: Call, declared: Mapping[str, Json], operation: str) -> Iterator[tuple[str, Any]]:
    for name, value in call.parameters:
        type = _row(declared, name, operation).get("type", "")
        if type in _STRINGS:
            if not value:
                raise BadRequest(f"The parameter {name} is empty: give it a value, or leave it out.", expression=name)
            yield name, value
        elif type == "boolean":
            if value not in ("true", "false"):
                raise BadRequest(f"The parameter {name} is true or false.", expression=name)
            yield name, value == "true"
        elif type in _WHOLE:
            if not _INTEGER.fullmatch(value):
                raise BadRequest(f"The parameter {name} is a whole number.", expression=name)
            yield name, int(value)
        else:
            raise BadRequest(
                f"The parameter {name} does not go into a URL: send it in a Parameters resource, by POST.",
                expression=name,
            )


def _of_body(call: Call, declared: Mapping[str, Json], operation: str) -> Iterator[tuple[str, Any]]:
    body = call.resource
    if body is None:
        return
    issues = [issue for issue in call.services.validator.validate(body) if issue.is_error]
    if issues:
        raise BadRequest.of(issues)
    if body["resourceType"] != "Parameters":
        # A resource alone is the parameter that takes such a one (http://hl7.org/fhir/R4/operations.html#request).
        yield _alone(body, declared, operation), body
        return
    for each in body.get("parameter", ()):
        row = _row(declared, each["name"], operation)
        yield each["name"], each.get("part", []) if "part" in row else _value(each, row)


def _alone(body: Resource, declared: Mapping[str, Json], operation: str) -> str:
    for name, row in declared.items():
        if row.get("type") == body["resourceType"]:
            return name
    raise BadRequest(f"The body of ${operation} is a Parameters resource.", expression="resourceType")


def _value(each: Json, row: Json) -> Any:
    """Return the value of a parameter in a body, if it has the type that is declared."""
    name, type = each["name"], row.get("type", "")
    if "resource" in each and each["resource"].get("resourceType") == type:
        return each["resource"]
    kinds = _STRINGS if type in _STRINGS else _WHOLE if type in _WHOLE else frozenset((type,))
    for key, value in each.items():
        kind = key.removeprefix("value")
        if key != kind and (kind in kinds or kind[:1].lower() + kind[1:] in kinds):
            return value
    what = f"value{type[:1].upper()}{type[1:]}" if type in _STRINGS | _WHOLE | _COMPLEX | {"boolean"} else "resource"
    raise BadRequest(f"The parameter {name} is a {type}: give it as {what}.", expression=name)


def texts(call: Call, operation: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the parameters (name, value) of an operation that R4 does not define, all of which are texts.

    They come in the URL and in the body. Raises BadRequest for those that are not in `names`.
    """
    found = [*call.parameters, *_texts_of_body(call, operation)]
    for name, _ in found:
        if name not in names:
            raise BadRequest(
                f"${operation} has no parameter {name[:40]!r}: it takes {' and '.join(names)}.", expression=name[:40]
            )
    return found


def _texts_of_body(call: Call, operation: str) -> Iterator[tuple[str, str]]:
    if call.resource is None:
        return
    parameters = call.resource.get("parameter", [])
    if call.resource.get("resourceType") != "Parameters" or not isinstance(parameters, list):
        raise BadRequest("The body of an operation is a Parameters resource.", expression="resourceType")
    for each in parameters:
        values = [each.get(key) for key in _VALUES if key in each] if isinstance(each, dict) else []
        if len(values) != 1 or not isinstance(values[0], str) or not isinstance(each.get("name"), str):
            raise BadRequest(f"A parameter of ${operation} has a name and a valueCode, valueString or the like.")
        yield each["name"], values[0]


def answer(*pairs: tuple[str, str, Any]) -> Resource:
    """Return Parameters of (name, type of value, value) without those whose value is None; type `part` has parts."""
    return {"resourceType": "Parameters", "parameter": parts(*pairs)}


def parts(*pairs: tuple[str, str, Any]) -> list[dict[str, Any]]:
    """Return the rows of `answer`, to stand inside another."""
    rows = []
    for name, kind, value in pairs:
        if value is not None:
            rows.append({"name": name, ("part" if kind == "part" else f"value{kind}"): value})
    return rows
