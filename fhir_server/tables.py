"""Every small table of a store, declared when it is opened: each part names its own."""

from __future__ import annotations

from auth.tables import TABLES as ACCOUNT_TABLES
from fhir_server.anchoring import TABLE as ANCHORS
from fhir_server.interactions import attaching, own_definitions, own_parameters, relating
from fhir_server.interactions.subscribing import tables as subscribing
from fhir_server.loading.settled import TABLE as LOADS
from fhir_server.operations import closure, reindexing
from fhir_server.store.base import RecordTable
from fhir_server.views.former import TABLE as FORMER
from fhir_server.views.outgoing import TABLES as OUTGOING


def tables() -> tuple[RecordTable, ...]:
    """Return the tables."""
    own = LOADS, FORMER, own_parameters.TABLE, own_definitions.TABLE, reindexing.TABLE, closure.TABLE, ANCHORS
    accounts = (RecordTable(table.name, table.unique, table.indexed) for table in ACCOUNT_TABLES)
    return (*own, *OUTGOING, *relating.TABLES, attaching.TABLE, *subscribing.TABLES, *accounts)
