"""Values of reference parameters (http://hl7.org/fhir/R4/search.html#reference)."""

from __future__ import annotations

import re

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter, Registry, data_types
from fhir_server.search.parse_token import token_parts
from fhir_server.search.parse_value import by_answers, either, plain
from fhir_server.search.query import Canonical, Hierarchy, Id, Node, Reference, Token, Uri
from fhir_server.search.references import NO_VERSION, canonical, foreign_reference, foreign_type, local_reference
from fhir_server.search.refuse import refuse, unanswered
from fhir_server.search.text import split
from profiles import definitions

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_UPWARDS = ("partof", "part-of")
_CANONICALS = frozenset(("canonical", "uri"))


def read_id(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a logical id."""
    return Id((logical_id(parameter.code, text),))


def logical_id(code: str, text: str) -> str:
    """Return a logical id without its escapes. Raises BadRequest for what cannot be one."""
    value = plain(code, text)
    if not _ID.fullmatch(value):
        raise refuse(code, "a logical id has 1 to 64 letters, digits, hyphens and dots.")
    return value


def read_reference(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `id`, `Type/id`, either with `/_history/n` after it, an absolute URL or a canonical `url|version`."""
    if modifier == "identifier":
        system, code = token_parts(parameter.code, text)
        return by_answers(parameter, lambda name: Token(f"{name}:identifier", system, code))
    value = plain(parameter.code, text)
    if modifier in ("above", "below"):
        if not holds_references(parameter):
            return _versions(parameter, modifier, text)
        return _hierarchical(parameter, modifier, value, context)
    if _ID.fullmatch(value):
        return _by_id(parameter, modifier, value, context)
    local = local_reference(value, context.base)
    if local is not None:
        return _local(parameter, modifier, local, _own_url(value, context.base))
    if ":" in value:
        return _foreign(parameter, modifier, text, value)
    raise _misshapen(parameter)


def admits(parameter: Parameter, kind: str) -> bool:
    """Return whether references to a `kind` can be among the entries that answer for `parameter`."""
    return (not parameter.targets or kind in parameter.targets) and _answers(parameter, kind)


def holds_references(parameter: Parameter) -> bool:
    """Return whether `parameter` has references to resources by type and id, not canonical URLs alone."""
    kinds = data_types(parameter)
    return kinds is None or not kinds <= _CANONICALS


def canonical_of(registry: Registry, kind: str) -> Canonical | None:
    """Return how canonicals lead to resources of type `kind`, None where these have no URL and version."""
    url, version = registry.get(kind, "url"), registry.get(kind, "version")
    if url is None or version is None or (url.type, version.type) != ("uri", "token"):
        return None
    if not url.answers or not version.answers:
        return None
    return Canonical(kind, url.answers[0].name, version.answers[0].name)


def leads_to(parameter: Parameter, kind: str, registry: Registry) -> bool:
    """Return whether what `parameter` holds, references or canonicals, can lead to a resource of type `kind`."""
    return admits(parameter, kind) and (holds_references(parameter) or canonical_of(registry, kind) is not None)


def upwards(registry: Registry, kind: str) -> str | None:
    """Return the entries that say of which other `kind` a resource of it is part, None if it knows no parts."""
    for code in _UPWARDS:
        found = registry.get(kind, code)
        if found and found.type == "reference" and found.answers and admits(found, kind):
            return found.answers[0].name
    return None


def hierarchies(parameter: Parameter, registry: Registry) -> dict[str, str]:
    """Return the types that `parameter` may point to and that have hierarchies, each with what leads upwards."""
    kinds = parameter.targets or definitions.resource_types()
    found = {kind: upwards(registry, kind) for kind in kinds if admits(parameter, kind)}
    return {kind: name for kind, name in found.items() if name}


def _misshapen(parameter: Parameter) -> Exception:
    return refuse(parameter.code, "a reference is written id, Type/id, Type/id/_history/n or as an absolute URL.")


def _answers(parameter: Parameter, kind: str) -> bool:
    return any(answer.target in ("", kind) for answer in parameter.answers)


def _own_url(value: str, base: str) -> str:
    return value if value.startswith(base + "/") else f"{base}/{value}"


def _hierarchical(parameter: Parameter, modifier: str, value: str, context: Context) -> Node:
    known = hierarchies(parameter, context.registry)
    if not known:
        raise unanswered(
            parameter.code, f":{modifier} needs references to a type whose resources are part of each other."
        )
    if _ID.fullmatch(value):
        wanted = [(kind, value) for kind in known]
    else:
        local = local_reference(value, context.base)
        if local is None or local[2] or local[0] not in known:
            raise refuse(
                parameter.code, f"with :{modifier} a value is written id or Type/id, of type {' or '.join(known)}."
            )
        wanted = [local[:2]]
    above = modifier == "above"
    return either(
        Hierarchy(answer.name, kind, id, known[kind], above)
        for kind, id in wanted
        for answer in parameter.answers
        if answer.target in ("", kind)
    )


def _versions(parameter: Parameter, modifier: str, text: str) -> Node:
    """Read `url`, which is above all its versions, or `url|version`, which is above those that go on from it."""
    if modifier == "above":
        raise unanswered(parameter.code, ":above does not compare versions of canonical URLs; :below does.")
    url, version = _url_and_version(parameter, text)
    return by_answers(parameter, lambda name: Uri(name, url, version, "below" if version else "exact"))


def _url_and_version(parameter: Parameter, text: str) -> tuple[str, str]:
    parts = [plain(parameter.code, part) for part in split(text, "|")]
    if len(parts) > 2:
        raise refuse(parameter.code, "a canonical URL is written url or url|version.")
    return canonical(parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def _by_id(parameter: Parameter, modifier: str, id: str, context: Context) -> Node:
    types = (modifier,) if modifier else parameter.targets or definitions.resource_types()
    return either(
        _local(parameter, modifier, (each, id, 0), f"{context.base}/{each}/{id}")
        for each in types
        if modifier or _answers(parameter, each)
    )


def _local(parameter: Parameter, modifier: str, target: tuple[str, str, int], url: str) -> Node:
    kind, id, version = target
    if modifier not in ("", kind) or not _answers(parameter, kind):
        allowed = modifier or " or ".join(answer.target for answer in parameter.answers)
        raise refuse(parameter.code, f"it only takes references to {allowed}, not to {kind}.")
    if version == NO_VERSION:
        raise refuse(parameter.code, "version ids of this server are whole numbers from 1.")
    names = [answer.name for answer in parameter.answers if answer.target in ("", kind)]
    found: list[Node] = [Reference(name, kind, id, version) for name in names]
    if parameter.canonical and not version:
        # A canonical may be written as a reference, relative or absolute, and stays as it is in the index.
        found += [Uri(name, each) for name in names for each in (url, f"{kind}/{id}")]
    return either(found)


def _foreign(parameter: Parameter, modifier: str, text: str, value: str) -> Node:
    if parameter.canonical:
        url, version = _url_and_version(parameter, text)
    else:
        url, version = foreign_reference(value)
    kind = foreign_type(value)
    if modifier and kind != modifier:
        raise refuse(parameter.code, f"with the modifier :{modifier} it only takes references to {modifier}.")
    return either(Uri(each.name, url, version) for each in parameter.answers if each.target in ("", kind))
