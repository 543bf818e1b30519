"""dom-3: a contained resource is referenced from its container, or itself refers to the container by `#`.

The standard's expression walks all descendants once per contained resource; here one walk gathers every local
reference first, so that hundreds of contained resources cost as little as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.validation.nested import contained_resources

Json = dict[str, Any]


def unmatched_contained(resource: Json) -> list[str]:
    """Return where (`contained[1]`) the contained resources are that break dom-3."""
    named = set(_local(resource))
    found = []
    for where, each in contained_resources(resource):
        if not isinstance(each, dict):
            continue
        name = each.get("id")
        # Without an id nothing can refer to it, though the standard's expression then has no answer.
        if f"#{name or ''}" not in named - {"#"} and "#" not in set(_local(each)):
            found.append(where)
    return found


def repeated_ids(resource: Json) -> list[str]:
    """Return where the contained resources are whose id an earlier one has: `#id` could mean either.

    http://hl7.org/fhir/R4/references.html#contained: an id is unique within its container.
    """
    seen: set[str] = set()
    found = []
    for where, each in contained_resources(resource):
        name = each.get("id") if isinstance(each, dict) else None
        if isinstance(name, str):
            if name in seen:
                found.append(where)
            seen.add(name)
    return found


def _local(node: Any) -> Iterator[str]:
    """Yield every string below `node` that begins with `#`."""
    queue = [node]
    while queue:
        each = queue.pop()
        if isinstance(each, dict):
            queue += each.values()
        elif isinstance(each, list):
            queue += each
        elif isinstance(each, str) and each[:1] == "#":
            yield each
