"""One criterion, `name=value`, of one resource type: what every search, chain and restriction is made of."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_chain import Criterion, Once, chain, has, in_list, links
from fhir_server.search.parse_value import either, limited
from fhir_server.search.parse_values import check_modifier, is_answered, read_value, why_unanswered
from fhir_server.search.parse_words import read_words
from fhir_server.search.query import Node, Not
from fhir_server.search.refuse import Absent, Unanswered, no_modifier, refuse, unanswered, within
from fhir_server.search.text import split

_HERE_ALONE = frozenset(("_filter", "_sort", "_count", "_include", "_revinclude", "_type"))
_ELSEWHERE = frozenset(("_contained", "_containedType", "_total", "_summary", "_elements", "_score"))


def criterion(resource_type: str, name: str, value: str, context: Context) -> Node:
    """Return the node of `name=value` for `resource_type`; the name may be a chain or begin with `_has`.

    Raises Absent when the type lacks the parameter, Unanswered for what this server does not answer, BadRequest for
    what is malformed.
    """
    once = Once()

    def read(kind: str, rest: str) -> Node:
        return once.read((kind, rest), lambda: _linked(kind, rest, value, context, read))

    with within(name):
        _check_length(name, context)
        return read(resource_type, name)


def _check_length(name: str, context: Context) -> None:
    steps = links(name)
    if steps > context.chain_depth:
        raise refuse(name, f"the chain has {steps} links; at most {context.chain_depth} are followed.")


def _linked(resource_type: str, name: str, value: str, context: Context, read: Criterion) -> Node:
    if name.partition(":")[0] == "_has":
        return has(resource_type, name, context, read)
    if "." in name:
        return chain(resource_type, name, context, read)
    return _read(resource_type, name, value, context)


def _read(resource_type: str, name: str, value: str, context: Context) -> Node:
    code, _, modifier = name.partition(":")
    if code in ("_text", "_content", "_list"):
        if modifier:
            raise no_modifier(code, "it has no modifiers.")
        return in_list(_alternatives(code, value, context), context) if code == "_list" else read_words(code, value)
    parameter = find(resource_type, code, context)
    check_modifier(parameter, modifier, context.registry)
    texts = [value] if modifier == "missing" else _alternatives(code, value, context)
    found = either(limited(code, (read_value(parameter, modifier, text, context) for text in texts)))
    return Not(found) if modifier in ("not", "not-in") else found


def _alternatives(code: str, value: str, context: Context) -> list[str]:
    texts = split(value, ",")
    limit = context.or_values
    if len(texts) > limit:
        raise refuse(code, f"it has {len(texts)} values; at most {limit} are answered, so ask in several searches.")
    return list(dict.fromkeys(texts))


def find(resource_type: str, code: str, context: Context) -> Parameter:
    """Return the parameter `code` of a type. Raises Absent or Unanswered for one that cannot be searched by."""
    if code == "_query":
        # The standard forbids ignoring a named query, so lenient handling does not either.
        raise refuse(code, "named queries are not answered here; write the criteria themselves.", Unanswered.code)
    if code in _HERE_ALONE:
        raise refuse(code, "it stands by itself, not at the end of a chain, and without a modifier.")
    if code in _ELSEWHERE:
        raise unanswered(code, "it is not answered by this release here; leave it out.")
    parameter = context.registry.get(resource_type, code)
    if parameter is None:
        raise unanswered(
            code,
            f"{resource_type} has no such parameter; those it has are in the CapabilityStatement at /metadata.",
            Absent,
        )
    if not is_answered(parameter):
        raise unanswered(code, f"{why_unanswered(parameter)} are not answered by this release; leave it out.")
    return parameter
