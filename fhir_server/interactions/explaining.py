"""`_explain=true`: how a search is answered, in place of its answer.

A Parameters resource (http://hl7.org/fhir/R4/parameters.html) of what the store says: which index drives, what is
checked, rows and time. It holds no value of the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.interactions.access import demand_plans, restriction_for
from fhir_server.interactions.call import Call, Resource
from fhir_server.interactions.paging import unexpired
from fhir_server.search.query import Query

INTEGER = 2**31
"""Where FHIR's integers end; a count beyond is a decimal."""


async def explaining(call: Call, query: Query) -> Resource:
    """Return how `query` is answered. Raises Forbidden for who may not see it, Gone when the walk is too old."""
    demand_plans(call)
    plan = await unexpired(call.reader.explain(query, restriction=restriction_for(call)))
    return {"resourceType": "Parameters", "parameter": list(_parts(plan))}


def _parts(plan: Mapping[str, Any]) -> Iterator[Resource]:
    for name, value in plan.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            if each is not None:
                yield {"name": name} | _content(each)


def _content(value: Any) -> Resource:
    match value:
        case Mapping():
            return {"part": list(_parts(value))}
        case bool():
            return {"valueBoolean": value}
        case int() if -INTEGER <= value < INTEGER:
            return {"valueInteger": value}
        case int() | float() | Decimal():
            return {"valueDecimal": Decimal(str(value))}
    return {"valueString": str(value)}
