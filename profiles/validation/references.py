"""What `Reference.reference` and `Reference.type` may say (http://hl7.org/fhir/R4/references.html#literal).

Legal are `Type/id` and `Type/id/_history/version` with a type the element may point to, `#id` and `#`, absolute
addresses (`scheme://...`), `urn:uuid:` and `urn:oid:`. Conditional references (`Patient?identifier=...`) are resolved
by a transaction before validation, so one that is still there is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from profiles.datatypes.primitives import ID, OID
from profiles.definitions import is_resource_type, resource_types

ANY = ("Resource",)
"""The targets of an element that may point to anything."""
CANONICAL_BASE = "http://hl7.org/fhir/StructureDefinition/"
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
FRAGMENT_OR_URN = f"#(?:{ID})?|urn:uuid:{_UUID}|urn:oid:{OID}"
ABSOLUTE = r"[A-Za-z][A-Za-z0-9+.\-]*://[^\x00-\x20]+"
_RELATIVE = re.compile(f"([A-Za-z]+)/{ID}(?:/_history/{ID})?")
_CONDITIONAL = re.compile(r"([A-Za-z]+)\?")
_OTHER = re.compile(f"{FRAGMENT_OR_URN}|{ABSOLUTE}")


def target_types(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the concrete resource types that `targets` of an element stand for."""
    return resource_types() if not targets or "Resource" in targets else targets


def reference_pattern(types: tuple[str, ...]) -> str:
    """Return the expression that the text of a reference to one of `types` matches as a whole."""
    return f"(?:{'|'.join(types)})/{ID}(?:/_history/{ID})?|{FRAGMENT_OR_URN}|{ABSOLUTE}"


def reference_fault(text: str, targets: tuple[str, ...]) -> str | None:
    """Return what is wrong with the reference `text` in an element limited to `targets`, None when it is right."""
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return _type_fault(relative.group(1), targets)
    if _OTHER.fullmatch(text):
        return None
    conditional = _CONDITIONAL.match(text)
    if conditional and is_resource_type(conditional.group(1)):
        return (
            f"is a conditional reference ({conditional.group(1)}?...), which only the entries of a transaction or "
            f"batch may hold; here name the resource itself as {conditional.group(1)}/id"
        )
    return (
        "must be Type/id (id: 1 to 64 letters, digits, '-' and '.'), Type/id/_history/version, #id of a contained "
        "resource, urn:uuid: or urn:oid: with a correct value, or an absolute address"
    )


def type_fault(reference: Mapping[str, Any], targets: tuple[str, ...]) -> str | None:
    """Return why `Reference.type` contradicts the element or the reference beside it, None when it agrees."""
    stated = reference.get("type")
    if not isinstance(stated, str):
        return None
    name = stated.removeprefix(CANONICAL_BASE)
    if is_resource_type(name) and name not in target_types(targets):
        return f"names {name}, but this element may only point to {_listed(targets)}"
    text = reference.get("reference")
    pointed = _pointed_type(text) if isinstance(text, str) else None
    if pointed and pointed != name:
        return f"contradicts the reference beside it, which points to the type {pointed}; make both agree"
    return None


def _pointed_type(text: str) -> str | None:
    """Return the resource type in a relative or RESTful reference, None in others."""
    parts = text.split("/_history/")[0].split("/")
    relative = _RELATIVE.fullmatch("/".join(parts[-2:]))
    if relative and (len(parts) == 2 or "://" in text) and is_resource_type(relative.group(1)):
        return relative.group(1)
    return None


def _type_fault(name: str, targets: tuple[str, ...]) -> str | None:
    if not is_resource_type(name):
        return f"points to the type {name[:40]!r}, which R4 does not have; name an R4 resource type, as in Patient/123"
    if name not in target_types(targets):
        return f"points to the type {name}, but this element may only point to {_listed(targets)}"
    return None


def _listed(targets: tuple[str, ...]) -> str:
    return targets[0] if len(targets) == 1 else f"{', '.join(targets[:-1])} or {targets[-1]}"
