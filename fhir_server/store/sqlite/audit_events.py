"""The events of the audit chain in SQLite: indexed some time after they were written, found by index alone.

A read leaves one short row in the chain and nothing else, because it is on the road of every request. What events are
found by is derived from it later: by the sweep, or at the latest by the first who asks.
"""

from __future__ import annotations

import asyncio
from typing import Any

import apsw

from fhir_server.store import audit_chain
from fhir_server.store.audit import (
    AuditEvent,
    AuditPage,
    AuditQuery,
    Between,
    Condition,
    Every,
    OneOf,
    Places,
    Some,
    Unless,
    facts,
    reach,
)
from fhir_server.store.sqlite.connection import Runner
from fhir_server.store.sqlite.transaction import SqliteTransaction
from profiles.restriction import Restriction

SLICE = 500
"""Rows indexed before others have the event loop."""
SLICES = 40
"""Slices that share one transaction."""
FAILED = 400
"""The lowest status of an event that the index of failures holds."""

_INDEXED = "SELECT coalesce(max(seq), 0) FROM audit_event"
_NEW = "SELECT seq, row FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
_INSERT = "INSERT INTO audit_event VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

Sql = tuple[str, list[Any]]


async def index_events(tx: SqliteTransaction) -> int:
    """Index a part of the rows that are not indexed yet; return the number of the last that is."""
    seen = indexed_to(tx.batch.connection)
    for _ in range(SLICES):
        rows: list[Any] = tx.batch.connection.execute(_NEW, (seen, SLICE)).fetchall()
        if not rows:
            break
        events = [event for seq, row in rows for event in facts(seq, audit_chain.decode_row(row))]
        tx.batch.executemany(_INSERT, events)
        seen = rows[-1][0]
        await asyncio.sleep(0)
    return seen


def indexed_to(connection: apsw.Connection) -> int:
    """Return the number of the last row that is indexed."""
    row: Any = connection.execute(_INDEXED).fetchone()
    return int(row[0])


async def audit_events(runner: Runner, query: AuditQuery, until: int, restriction: Restriction) -> AuditPage:
    """Return a page of events of the rows up to `until`, all of which are indexed."""
    places = await runner.rows(*select(query, until, restriction))
    page = places[: query.count]
    rows = {seq: _row(runner, seq) for seq in {seq for seq, _ in page}}
    following = tuple(page[-1]) if page and len(places) > len(page) else None
    return AuditPage([AuditEvent(seq, n, rows[seq]) for seq, n in page], following, until)


def select(query: AuditQuery, until: int, restriction: Restriction) -> Sql:
    """Return the statement that finds the events of a page, and one more, with its arguments."""
    where, arguments = _where(query, until, restriction)
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    if query.after is not None:
        where += f" AND (time, seq, n) {beyond} ((SELECT time FROM audit_event WHERE seq = ? AND n = ?), ?, ?)"
        arguments += [*query.after, *query.after]
    order = f"time {direction}, seq {direction}, n {direction}"
    return f"SELECT seq, n FROM audit_event WHERE {where} ORDER BY {order} LIMIT ?", [*arguments, query.count + 1]


async def audit_count(runner: Runner, query: AuditQuery, until: int, restriction: Restriction) -> int:
    """Return the number of events of the rows up to `until`, all of which are indexed."""
    where, arguments = _where(query, until, restriction)
    ((number,),) = await runner.rows(f"SELECT count(*) FROM audit_event WHERE {where}", arguments)
    return int(number)


def _row(runner: Runner, seq: int) -> Any:
    found = runner.row("SELECT row FROM audit WHERE seq = ?", (seq,))
    assert found is not None, "an indexed row of the chain is there"
    return audit_chain.decode_row(found[0])


def _where(query: AuditQuery, until: int, restriction: Restriction) -> Sql:
    where, arguments = _sql(Every((query.where, reach(restriction))))
    # The plus keeps the primary key from being chosen: rows up to the newest are no restriction at all.
    return f"{where} AND +seq <= ?", [*arguments, until]


def _sql(condition: Condition) -> Sql:
    match condition:
        case OneOf(field, values):
            return f"{field} IN ({', '.join('?' * len(values))})", list(values)
        case Between(field, low, high):
            bounds = [(f"{field} >= ?", low), (f"{field} <= ?", high)]
            terms = [term for term, bound in bounds if bound is not None]
            if field == "status" and low is not None and low >= FAILED:
                # Said in the words of the index of failures, which otherwise could not be used.
                terms.append(f"status >= {FAILED}")
            return f"({' AND '.join(terms) or '1'})", [bound for _, bound in bounds if bound is not None]
        case Places(places):
            terms = ["(seq = ? AND n = ?)"] * len(places)
            return f"({' OR '.join(terms) or '0'})", [number for place in places for number in place]
        case Every(parts):
            return _joined(" AND ", "1", parts)
        case Some(parts):
            return _joined(" OR ", "0", parts)
        case Unless(part):
            sql, arguments = _sql(part)
            # An event without the field is not one of any values: unknown is no.
            return f"NOT coalesce({sql}, 0)", arguments


def _joined(word: str, none: str, parts: tuple[Condition, ...]) -> Sql:
    made = [_sql(part) for part in parts]
    arguments = [argument for _, arguments in made for argument in arguments]
    return f"({word.join(sql for sql, _ in made) or none})", arguments
