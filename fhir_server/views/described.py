"""Views that files describe, read and written by the interactions, with the rights of who asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fhir_server.search.parameters import Registry
from fhir_server.views.acting import Acting
from fhir_server.views.demand_version import demand_version
from fhir_server.views.find import find
from mappings.transactions.act import changes, transaction
from mappings.views.check import settable
from mappings.views.describe import Described, Misdescribed, described
from mappings.views.registry import VIEWS
from mappings.views.searching import search
from mappings.views.view import Parts, Values
from mappings.views.write import write

ENDING = ".toml"
TAKEN = frozenset(
    [
        "appointments",
        "auth",
        "consents",
        "doctors",
        "fhir",
        "me",
        "medical_records",
        "notifications",
        "patients",
        "socket",
    ]
)
"""Words that the API has below `/api/v1` already."""


def read_views(folder: Path, registry: Registry) -> list[Described]:
    """Return the views that the files of a folder describe, by name of file.

    Raises Misdescribed, naming file and entry, also for names and paths that are taken, and for search parameters that
    there are not.
    """
    found: list[Described] = []
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix == ENDING)
        texts = [(each.name, each.read_text(encoding="utf-8")) for each in files]
    except (OSError, UnicodeDecodeError) as error:
        raise Misdescribed(f"{folder}: {error}") from None
    for name, text in texts:
        try:
            each = described(text)
            taken = {*TAKEN, *VIEWS, *(word for one in found for word in (one.view.name, one.path))}
            if {each.view.name, each.path} & taken:
                raise Misdescribed(f"name or path: there is another view called {each.view.name} or {each.path}")
            _demand_parameters(each, registry)
        except Misdescribed as error:
            raise Misdescribed(f"{name}: {error}") from None
        found.append(each)
    return found


async def create(acting: Acting, one: Described, record: Values) -> Parts:
    """Make a record. Raises Unfit, Forbidden."""
    id = acting.desk.services.new_id()
    parts = write(one.view, settable(one.view, record) | {"id": id})
    await acting.write(transaction(changes({}, parts)))
    return await find(acting, one.view, id)


async def change(acting: Acting, one: Described, id: str, record: Values, if_match: str | None) -> Parts:
    """Bring a record to what is said. Raises NotFound, PreconditionFailed, Unfit, Forbidden."""
    stored = await find(acting, one.view, id)
    demand_version(etag(one, stored), if_match)
    entries = changes(stored, write(one.view, settable(one.view, record), stored))
    if not entries:
        return stored
    await acting.write(transaction(entries))
    return await find(acting, one.view, id)


async def remove(acting: Acting, one: Described, id: str, gone: Mapping[str, object], if_match: str | None) -> None:
    """Take a record out of the view; its versions are kept. Raises NotFound, PreconditionFailed, Forbidden."""
    stored = await find(acting, one.view, id)
    demand_version(etag(one, stored), if_match)
    (root,) = stored[one.view.root]
    await acting.write(transaction(changes({one.view.root: [root]}, {one.view.root: [root | dict(gone)]})))


def etag(one: Described, parts: Parts) -> str:
    """Return the weak ETag of a record."""
    return f'W/"{parts[one.view.root][0]["meta"]["versionId"]}"'


def _demand_parameters(one: Described, registry: Registry) -> None:
    """Raise Misdescribed for search parameters that the root does not have."""
    view = one.view
    asked = [name for name, _ in view.listed]
    asked += [name for each in view.filters.values() for name, _ in each.write("")]
    asked += [name.removeprefix("-") for name in (view.order, *view.sorts.values())]
    asked += [value.split(":")[1] for name, value in search(view, {}) if name == "_include"]
    for name in asked:
        plain = name.partition(":")[0].partition(".")[0]
        if not plain.startswith("_") and registry.get(view.root, plain) is None:
            raise Misdescribed(f"{view.root} has no search parameter {plain}")
