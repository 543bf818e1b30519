"""The versions that a statement has found, whole and in order."""

from __future__ import annotations

from fhir_server.store.contained_row import FIRST
from fhir_server.store.sql.compile import Listing
from fhir_server.store.sql.dialect import Statement, container

_FOUND = (
    "SELECT x.v, v.type, b.id, v.number, v.time, v.method, v.author_id, v.position, b.patients, b.data"
    " FROM ({}) x CROSS JOIN version v ON v.v = x.v CROSS JOIN body b ON b.v = x.v ORDER BY {}"
)
COLUMNS = 10
"""Columns of each version; the number of all matches is one more where the statement tells it."""
_COUNTED = _FOUND.replace("b.data FROM", "b.data, x.total FROM")
# Where contained resources are among what was found, what is read is what contains them.
_STORED = f"CASE WHEN x.v >= {FIRST} THEN {container('x.v')} ELSE x.v END"
_INNER = _FOUND.replace("v.v = x.v", f"v.v = {_STORED}").replace("b.v = x.v", "b.v = v.v")


def listed(listing: Listing) -> Statement:
    """Return the statement that reads what `listing` finds."""
    found = _INNER if listing.inner else _COUNTED if listing.counted else _FOUND
    return Statement(found.format(listing.statement.sql, listing.order), listing.statement.arguments)
