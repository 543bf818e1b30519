"""One record of a view: what its root and the search that includes the rest of it find, within the caller's reach."""

from __future__ import annotations

from collections.abc import Mapping

from fhir_server.errors import Forbidden, Gone, NotFound
from fhir_server.interactions.call import Resource, Result
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import is_id
from fhir_server.views.acting import Acting
from mappings.views.gather import gather
from mappings.views.searching import search as asked
from mappings.views.view import Parts, View


async def find(acting: Acting, view: View, id: str, filters: Mapping[str, str] | None = None) -> Parts:
    """Return the parts of a record, by one search. Raises NotFound when it is not there for who asks."""
    if is_id(id):
        parameters = [("_id", id), *asked(view, filters or {})]
        result = await search(acting.call(view.root, parameters=parameters))
        for parts in gather(view, resources(result)):
            return parts
    raise NotFound(f"There is no {view.name.replace('_', ' ')} with that id.")


async def demand_there(acting: Acting, type: str, id: str, name: str) -> None:
    """Raise NotFound, calling it by `name`, unless a resource is within reach."""
    try:
        await read(acting.call(type, id=id))
    except (NotFound, Gone, Forbidden):
        raise NotFound(f"There is no {name} with that id.") from None


def resources(result: Result) -> list[Resource]:
    """Return the resources of a searchset."""
    bundle = result.resource if result.resource is not None else parse(result.body or b"{}")
    entries = bundle.get("entry", ())
    return [each["resource"] for each in entries if each.get("search", {}).get("mode") != "outcome"]
