"""Where the request of a Bundle entry names another entry: by its fullUrl, as a value of a search or of criteria.

`GET Observation?subject=urn:uuid:...` can only mean what that entry writes. http://hl7.org/fhir/R4/http.html#transaction
speaks of the links inside resources; left as they are here, the search would find nothing and say so with 200.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call
from fhir_server.interactions.conditional import pairs

Named = Callable[[str], "str | None"]


def mentions(call: Call, known: Container[str]) -> bool:
    """Return whether the request of an entry names one of the fullUrls `known`.

    Criteria that cannot be read name nothing: whoever answers them refuses them.
    """
    criteria = call.preconditions.if_none_exist
    if not call.parameters and criteria is None:
        return False
    try:
        values = [value for _, value in (*call.parameters, *pairs(criteria or ""))]
    except BadRequest:
        return False
    return any(part in known for value in values for part in value.split(","))


def renamed(call: Call, named: Named) -> Call:
    """Return `call` with what `named` answers in place of each fullUrl that it knows. Raises BadRequest."""
    criteria, preconditions = call.preconditions.if_none_exist, call.preconditions
    if not call.parameters and criteria is None:
        return call
    if criteria is not None:
        preconditions = replace(preconditions, if_none_exist=urlencode(_values(pairs(criteria), named)))
    return replace(call, parameters=_values(call.parameters, named), preconditions=preconditions)


def _values(parameters: Sequence[tuple[str, str]], named: Named) -> list[tuple[str, str]]:
    return [(name, ",".join(named(part) or part for part in value.split(","))) for name, value in parameters]
