"""Values of uri parameters (http://hl7.org/fhir/R4/search.html#uri)."""

from __future__ import annotations

from typing import Literal

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter, data_types
from fhir_server.search.parse_value import by_answers, either, plain
from fhir_server.search.query import And, Node, Token, Uri
from fhir_server.search.references import local_reference
from fhir_server.search.refuse import refuse
from fhir_server.search.text import split


def read_uri(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read a URI, a canonical one perhaps with `|version`; `:below` and `:above` compare the beginnings of URLs."""
    whole = plain(parameter.code, text)
    if modifier in ("above", "below"):
        return _hierarchical(parameter, "above" if modifier == "above" else "below", whole)
    if not parameter.canonical:
        return by_answers(parameter, lambda name: Uri(name, whole))
    parts = [plain(parameter.code, part) for part in split(text, "|")]
    if len(parts) > 2:
        raise refuse(parameter.code, "a canonical URL is written url or url|version.")
    version = parts[1] if len(parts) == 2 else ""
    urls = [parts[0]]
    if "canonical" in (data_types(parameter) or ()) and local_reference(parts[0], ""):
        urls.append(f"{context.base}/{parts[0]}")
    if version and parameter.code == "url":
        return _versioned(parameter, parts[0], version, context)
    found = [Uri(answer.name, url, version) for answer in parameter.answers for url in urls]
    # The parameter may search plain URIs as well, in which a bar is a letter like others.
    return either([*found, *(Uri(answer.name, whole) for answer in parameter.answers if version)])


def _versioned(parameter: Parameter, url: str, version: str, context: Context) -> Node:
    """The URL a resource has itself carries no version: that is an element beside it, with a parameter of its own."""
    whole = by_answers(parameter, lambda name: Uri(name, f"{url}|{version}"))
    own = context.registry.get(parameter.resource_type, "version")
    if own is None or own.type != "token" or not own.answers:
        return whole
    bare = by_answers(parameter, lambda name: Uri(name, url))
    return either([And((bare, by_answers(own, lambda name: Token(name, None, version)))), whole])


def _hierarchical(parameter: Parameter, mode: Literal["above", "below"], value: str) -> Node:
    if value.lower().startswith("urn:"):
        raise refuse(parameter.code, f":{mode} is for URLs; a URN such as an OID has nothing above or below it.")
    if "|" in value:
        raise refuse(parameter.code, f"with :{mode} a canonical URL is written without a version.")
    return by_answers(parameter, lambda name: Uri(name, value, mode=mode))
