"""The search whose one page answers a list of a view: roots, with everything that is shown of them included."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.errors import Unfit
from mappings.views.view import View
from profiles.issues import Issue


def search(view: View, filters: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the parameters of the search for the root type, in order; paging and `_total` are the caller's.

    Raises Unfit, naming filters that the view does not have.
    """
    unknown = [name for name in filters if name not in view.filters]
    if unknown:
        known = ", ".join(view.filters)
        raise Unfit([Issue("error", "invalid", f"is no filter; there are {known}", name) for name in unknown])
    found = [*view.listed, *(pair for name, value in filters.items() for pair in view.filters[name](value))]
    includes = [("_include", f"{view.root}:{name}") for name in view.included]
    return [*found, *includes, ("_sort", view.order)]
