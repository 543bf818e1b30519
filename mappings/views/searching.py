"""The search whose one page answers a list of a view: roots, with everything that is shown of them included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.errors import Unfit
from mappings.views.kind import Kind
from mappings.views.view import View
from profiles.issues import Issue


def search(
    view: View, filters: Mapping[str, str], sort: str | None = None, *, whole: bool = True
) -> list[tuple[str, str]]:
    """Return the parameters of the search for the root type, in order; paging and `_total` are the caller's.

    `sort` is a field that the view sorts by, with `-` in front for the greatest first; None for the order of the view.
    Unless `whole`, parts that stand in for what a root lacks are not included. Raises Unfit, naming filters that the
    view does not have or whose values are none, and `sort`.
    """
    unknown = [name for name in filters if name not in view.filters]
    if unknown:
        known = ", ".join(view.filters)
        raise Unfit([Issue("error", "invalid", f"is no filter; there are {known}", name) for name in unknown])
    faults = [(name, _fault(view.filters[name].kind, value)) for name, value in filters.items()]
    if any(fault for _, fault in faults):
        raise Unfit([Issue("error", "invalid", fault, name) for name, fault in faults if fault])
    found = [*view.listed, *(pair for name, value in filters.items() for pair in view.filters[name].write(value))]
    includes = including(view, (*view.included, *view.standing_in) if whole else view.included)
    return [*found, *includes, ("_sort", _order(view, sort))]


def _fault(kind: Kind, value: str) -> str | None:
    fault = kind.fault(value)
    if fault and kind.fault(value.replace(" ", "+")) is None:
        return "has a blank where there was a +: in an address, the + of a zone is written %2B"
    return fault


def including(view: View, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the parameters that include what search parameters of the root lead to."""
    return [("_include", f"{view.root}:{name}") for name in names]


def _order(view: View, sort: str | None) -> str:
    if sort is None:
        return view.order
    parameter = view.sorts.get(sort.removeprefix("-"))
    if parameter is None:
        known = ", ".join(view.sorts) or "none"
        raise Unfit(
            [Issue("error", "invalid", f"must be a field that is sorted by ({known}), with or without -", "sort")]
        )
    return f"-{parameter}" if sort.startswith("-") else parameter
