"""Values of composite parameters, matched inside one instance (http://hl7.org/fhir/R4/search.html#composite)."""

from __future__ import annotations

from fhir_server.search.context import Context
from fhir_server.search.parameters import Parameter
from fhir_server.search.parse_date import read_date
from fhir_server.search.parse_number import read_number, read_quantity
from fhir_server.search.parse_reference import read_reference
from fhir_server.search.parse_string import read_string
from fhir_server.search.parse_token import read_token
from fhir_server.search.parse_uri import read_uri
from fhir_server.search.parse_value import Read
from fhir_server.search.query import Entry, Node, Or, Together
from fhir_server.search.refuse import refuse, unanswered
from fhir_server.search.text import split

PART_READERS: dict[str, Read] = {
    "token": read_token,
    "string": read_string,
    "uri": read_uri,
    "date": read_date,
    "reference": read_reference,
    "number": read_number,
    "quantity": read_quantity,
}


def read_composite(parameter: Parameter, modifier: str, text: str, context: Context) -> Node:
    """Read `a$b`, each part in the form of its own parameter; a dollar sign inside a part is written `\\$`."""
    texts = split(text, "$")
    if len(texts) != len(parameter.components):
        names = "$".join(each.code for each in parameter.components)
        raise refuse(
            parameter.code, f"its {len(parameter.components)} parts are written {names}, with \\$ for a dollar sign."
        )
    parts = [
        _part(parameter, component.code, part, context)
        for component, part in zip(parameter.components, texts, strict=True)
    ]
    return Together(tuple(parts))


def _part(parameter: Parameter, code: str, text: str, context: Context) -> tuple[Entry, ...]:
    part = context.registry.get(parameter.resource_type, code)
    if part is None or part.type not in PART_READERS or not part.answers:
        raise unanswered(parameter.code, f"its part {code} is not answered by this release.")
    found = PART_READERS[part.type](part, "", text, context)
    entries = dict.fromkeys(found.nodes if isinstance(found, Or) else (found,))
    if not all(isinstance(each, Entry) for each in entries):
        raise unanswered(parameter.code, f"in its part {code} only what one value tells can be asked for.")
    return tuple(each for each in entries if isinstance(each, Entry))
