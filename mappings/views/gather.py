"""The parts of each record from a heap of resources, such as a page of a search with what it includes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mappings.paths.parse_path import parse_path
from mappings.paths.path import Json
from mappings.paths.read_path import read_path
from mappings.views.view import Parts, View


def gather(view: View, resources: Iterable[Json]) -> list[Parts]:
    """Return the parts of each record of the view, in the order of their roots; what the view hides is left out.

    Of what a root refers to, a part has what is among the resources, in the order of the references.
    """
    heap = list(resources)
    known = {f"{each['resourceType']}/{each.get('id')}": each for each in heap}
    roots = [each for each in heap if each["resourceType"] == view.root and not view.hides(each)]
    return [_parts(view, root, known) for root in roots]


def linked(view: View, parts: Parts, type: str) -> Iterator[str]:
    """Yield the references (`Encounter/1`, without a version) from the root to resources of a type."""
    link = view.links.get(type)
    if link is None:
        return
    for root in parts.get(view.root, ()):
        for leaf in read_path(parse_path(link), root):
            if isinstance(leaf.value, str) and leaf.value.startswith(f"{type}/"):
                yield leaf.value.partition("/_history/")[0]


def _parts(view: View, root: Json, known: dict[str, Json]) -> Parts:
    parts: Parts = {view.root: [root]}
    for type in view.links:
        found = [known[each] for each in dict.fromkeys(linked(view, parts, type)) if each in known]
        if found:
            parts[type] = found
    return parts
