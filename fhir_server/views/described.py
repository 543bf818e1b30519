"""Views that files describe, read and written by the interactions, with the rights of who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fhir_server.errors import BadRequest
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import parse
from fhir_server.views.acting import Acting
from fhir_server.views.demand_version import demand_version
from fhir_server.views.find import find
from mappings.transactions.act import changes, transaction
from mappings.views.check import settable
from mappings.views.describe import Described, Misdescribed, described
from mappings.views.registry import VIEWS
from mappings.views.searching import including
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

_EXPANDED = frozenset(("in", "not-in", "above", "below"))
"""Modifiers whose answer is terminology's."""
_SAMPLES = ("a", "1", "2024-01-01")
"""Values of which every search parameter takes one, as a part of a pattern where that is needed."""


def read_views(folder: Path, registry: Registry) -> list[Described]:
    """Return the views that the files of a folder describe, by name of file.

    Raises Misdescribed, naming file and entry, also for names and paths that are taken, and for searches that would be
    refused.
    """
    found: list[Described] = []
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix == ENDING)
        texts = [(each.name, each.read_bytes()) for each in files]
    except OSError as error:
        raise Misdescribed(f"{folder}: {error}") from None
    for name, text in texts:
        try:
            each = described(_decoded(text))
            taken = {*TAKEN, *VIEWS, *(word for one in found for word in (one.view.name, one.path))}
            if {each.view.name, each.path} & taken:
                raise Misdescribed(f"name or path: there is another view called {each.view.name} or {each.path}")
            _demand_parameters(each, registry)
        except Misdescribed as error:
            raise Misdescribed(f"{name}: {error}") from None
        found.append(each)
    return found


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misdescribed("it is not written in UTF-8") from None


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
    """Raise Misdescribed for what no search for the root can be asked, naming the entry."""
    view = one.view
    asked = [(f"listed.{name}", name, value) for name, value in view.listed]
    asked += [("order", "_sort", view.order)]
    asked += [(f"sorts.{name}", "_sort", value) for name, value in view.sorts.items()]
    asked += [("included", name, value) for name, value in including(view, view.included)]
    for where, name, value in asked:
        if fault := _refusal(view.root, [(name, value)], registry):
            raise Misdescribed(f"{where}: {fault}")
    for name, each in view.filters.items():
        faults = [_refusal(view.root, each.write(value), registry) for value in _SAMPLES]
        if all(faults):
            raise Misdescribed(f"filters.{name}: {faults[-1]}")


def _refusal(root: str, parameters: Sequence[tuple[str, str]], registry: Registry) -> str | None:
    """Return why a search for the root would be refused; what only terminology can tell is not looked at."""
    plain = [each for each in parameters if each[0].rpartition(":")[2] not in _EXPANDED]
    try:
        parse(root, plain, registry, base="", now=0)
    except BadRequest as error:
        return error.issues[0].message.rstrip(".")
    return None
