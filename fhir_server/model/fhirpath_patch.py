"""FHIRPath Patch over a resource (http://hl7.org/fhir/R4/fhirpatch.html).

The operations of a Parameters resource are performed in order on a copy; the first that fails refuses the patch with
its number and the rule. Arrays and objects that deletions leave empty go too, for FHIR has no empty ones. Whether the
outcome is a valid resource is for the validator to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.errors import Unprocessable
from fhir_server.model.given import Failed, content, fitting
from fhir_server.model.layout import Property, layout
from fhir_server.model.marking import Json, Marked, Place
from fhir_server.model.patch_parameters import Given, Operation, read_operations
from fhir_server.model.patching import checked
from profiles.fhirpath.engine import compile_expression
from profiles.fhirpath.errors import FhirPathError


def fhirpath_patch(resource: Mapping[str, Any], parameters: Mapping[str, Any]) -> Json:
    """Return `resource` after the FHIRPath Patch in the Parameters resource `parameters`.

    Raises BadRequest when the Parameters are not a FHIRPath Patch, Unprocessable when an operation fails or the patch
    changes `resourceType` or `id`.
    """
    operations = read_operations(parameters)
    document = Marked(resource)
    for number, operation in enumerate(operations):
        try:
            _PERFORM[operation.type](document, operation)
        except Failed as failure:
            raise Unprocessable(
                f"Operation {number} of the patch ({operation.type}) fails: {failure}",
                expression=f"Parameters.parameter[{number}]",
            ) from None
    return checked(resource, document.unmarked())


def _handles(document: Marked, path: str) -> list[Json]:
    """Return the objects by which the elements at `path` are known."""
    try:
        items = compile_expression(path, root=document.resource["resourceType"]).nodes(document.resource)
    except FhirPathError as error:
        raise Failed(f"its path is not FHIRPath that can be evaluated here: {error}.") from None
    handles = [item.value if isinstance(item.value, dict) else item.sibling for item in items]
    if not all(document.knows(each) for each in handles):
        raise Failed("its path must lead to elements of the resource, not to computed values.")
    return [each for each in handles if each is not None]


def _one(handles: list[Json]) -> Json:
    if len(handles) != 1:
        raise Failed(f"its path leads to {len(handles)} elements and must lead to exactly one.")
    return handles[0]


def _place(document: Marked, handle: Json) -> Place:
    place = document.place(handle)
    if place is None:
        raise Failed("its path leads to the resource itself; use an element of it.")
    return place


def _item(document: Marked, place: Place, given: Given) -> tuple[Any, Any]:
    value, sibling = content(place.property, given)
    if place.property.inside:
        return document.object(place.holder, place.property, value), None
    return value, document.sibling(place.holder, place.property, sibling)


def _position(place: Place, handle: Json) -> int:
    return next(at for at, pair in enumerate(place.items()) if handle is pair[0] or handle is pair[1])


def _alternatives(document: Marked, holder: Json, name: str) -> list[Property]:
    """Return the properties of `holder` for the element `name`: several where it is a choice."""
    return [each for each in layout(document.key(holder)).values() if name in (each.element.name, each.name)]


def _add(document: Marked, operation: Operation) -> None:
    given = _value(operation)
    holder = _one(_handles(document, operation.path))
    properties = _alternatives(document, holder, operation.name)
    if not properties:
        raise Failed(f"there is no element {operation.name[:64]} at its path.")
    place = Place(holder, fitting(properties, given))
    items = place.items()
    siblings = _alternatives(document, holder, place.property.element.name)
    if not place.property.repeats and any(Place(holder, each).items() for each in siblings):
        raise Failed(f"{place.property.element.name} is there already and does not repeat; replace it.")
    place.put([*items, _item(document, place, given)])


def _delete(document: Marked, operation: Operation) -> None:
    handles = _handles(document, operation.path)
    if handles:
        handle = _one(handles)
        place = _place(document, handle)
        items = place.items()
        del items[_position(place, handle)]
        place.put(items)


def _replace(document: Marked, operation: Operation) -> None:
    given = _value(operation)
    handle = _one(_handles(document, operation.path))
    old = _place(document, handle)
    new = Place(old.holder, fitting(_alternatives(document, old.holder, old.property.element.name), given))
    items, at = old.items(), _position(old, handle)
    items[at] = _item(document, new, given)
    if new.property is not old.property:
        old.put([])
    new.put(items)


def _list(document: Marked, operation: Operation) -> tuple[Place, list[tuple[Any, Any]]]:
    """Return the place of the list the path leads to, and its items."""
    handles = _handles(document, operation.path)
    if not handles:
        raise Failed("its path leads to nothing; use add for the first element of a list.")
    place = _place(document, handles[0])
    items = place.items()
    whole = len(items) == len(handles) and all(
        handle is value or handle is sibling for handle, (value, sibling) in zip(handles, items, strict=True)
    )
    if not whole or not place.property.repeats:
        raise Failed("its path must lead to all elements of one list, in their order.")
    return place, items


def _insert(document: Marked, operation: Operation) -> None:
    given = _value(operation)
    place, items = _list(document, operation)
    if operation.index > len(items):
        raise Failed(f"its index is {operation.index} and the list has {len(items)} elements.")
    fitting([place.property], given)
    items.insert(operation.index, _item(document, place, given))
    place.put(items)


def _move(document: Marked, operation: Operation) -> None:
    place, items = _list(document, operation)
    if max(operation.source, operation.destination) >= len(items):
        raise Failed(f"its source and destination must be below {len(items)}, the number of elements in the list.")
    items.insert(operation.destination, items.pop(operation.source))
    place.put(items)


def _value(operation: Operation) -> Given:
    if operation.value is None:
        raise Failed("it has no value.")
    return operation.value


_PERFORM: Mapping[str, Callable[[Marked, Operation], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}
