"""A FHIR document: a Bundle with a Composition and all that it speaks of (http://hl7.org/fhir/R4/documents.html).

`wanted` tells what has to be read, and is asked again with what was found, until it wants nothing. `document` puts it
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mappings.errors import Incomplete
from mappings.paths.path import Json
from profiles.fhirpath.references import named_type

FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "DocumentReference": ("content", "author", "custodian"),
    "Encounter": ("participant", "location", "serviceProvider"),
    "PractitionerRole": ("practitioner", "organization"),
}
"""Elements whose references are followed beyond the Composition, of which all are: the content of a file, and who and
where. The rest of the record stays outside."""


HEAD = ("subject", "encounter", "author", "attester", "custodian", "event", "section")
"""Elements of a Composition in the order in which a document holds what they refer to; others follow."""


def wanted(composition: Json, resources: Iterable[Json], base: str = "") -> list[str]:
    """Return the references (`Patient/1`) of what a document of the Composition lacks among `resources`.

    `base` is the address of the server: absolute references below it are its own, others are left alone.
    """
    return [name for name, resource in _walk(composition, resources, base) if resource is None]


def document(composition: Json, resources: Iterable[Json], *, identifier: str, moment: str, base: str) -> Json:
    """Return the document Bundle: the Composition first, then what it refers to, in the order of the references.

    `identifier` is a UUID that is used for this content only, `moment` when the document is put together (instant),
    `base` the address of the server. Resources that nothing leads to are left out. Raises Incomplete.
    """
    found = list(_walk(composition, resources, base))
    missing = [name for name, resource in found if resource is None]
    if missing:
        raise Incomplete(missing)
    parts = [composition, *(resource for _, resource in found if resource is not None)]
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{identifier}"},
        "timestamp": moment,
        "entry": [{"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each} for each in parts],
    }


def _walk(composition: Json, resources: Iterable[Json], base: str) -> Iterator[tuple[str, Json | None]]:
    """Yield each resource that belongs into the document, once, as name and resource; None where it is not given."""
    known = {f"{each['resourceType']}/{each['id']}": each for each in resources if "id" in each}
    seen = {f"Composition/{composition.get('id')}"}
    queue = list(_references({each: composition[each] for each in HEAD if each in composition} | composition, base))
    while queue:
        name = queue.pop(0)
        if name in seen:
            continue
        seen.add(name)
        resource = known.get(name)
        yield name, resource
        if resource is not None:
            followed = FOLLOWED.get(resource["resourceType"], ())
            queue += _references({each: resource[each] for each in followed if each in resource}, base)


def _references(node: Any, base: str) -> Iterator[str]:
    """Yield what is referred to inside a JSON value as `Type/id`: references, and addresses of attachments."""
    if isinstance(node, list):
        for each in node:
            yield from _references(each, base)
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str) and key in ("reference", "url"):
                name = _named(value, base)
                if name is not None and (key == "reference" or name.startswith("Binary/")):
                    yield name
            else:
                yield from _references(value, base)


def _named(text: str, base: str) -> str | None:
    own = text.removeprefix(f"{base}/") if base else text
    named = None if ":" in own or own.startswith("#") else named_type(own)
    return None if named is None else f"{named[0]}/{named[1]}"
