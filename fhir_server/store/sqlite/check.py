"""Whether a SQLite store is whole: the file, the versions, the indexes, the counts and the audit chain."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import apsw

from fhir_server.store import audit_chain
from fhir_server.store.audit import facts
from fhir_server.store.contained_row import BITS, FIRST, MASK
from fhir_server.store.sqlite.entries import TABLES, WORDED, footprint_rows

SHOWN = 10
"""Findings of one kind that are listed; more are only counted."""

CHAIN = "SELECT seq, row, hash FROM audit ORDER BY seq"
_CURRENT = (
    "SELECT t.name || '/' || r.id FROM resource r JOIN type t ON t.id = r.type WHERE r.current IS NOT "
    "(SELECT v.v FROM version v WHERE v.rid = r.rid ORDER BY v.number DESC LIMIT 1)"
)
_NUMBERS = (
    "SELECT t.name || '/' || r.id FROM (SELECT rid, count(*) AS n, max(number) AS m FROM version GROUP BY rid) x "
    "JOIN resource r ON r.rid = x.rid JOIN type t ON t.id = r.type WHERE x.n <> x.m"
)
_BODIES = "SELECT v.v FROM version v LEFT JOIN body b ON b.v = v.v WHERE b.v IS NULL"
_COUNTS = (
    "SELECT t.name, coalesce(c.live, 0), coalesce(x.live, 0) FROM type t LEFT JOIN type_count c ON c.type = t.id "
    "LEFT JOIN (SELECT v.type, count(*) AS live FROM resource r JOIN version v ON v.v = r.current "
    "WHERE v.deleted = 0 GROUP BY v.type) x ON x.type = t.id WHERE coalesce(c.live, 0) <> coalesce(x.live, 0)"
)
_KEPT = (
    "SELECT v.v FROM version v WHERE v.deleted = 0 AND (v.v IN (SELECT d.v FROM dead d) OR "
    "v.v IN (SELECT r.current FROM resource r))"
)
_OWN = f"CASE WHEN {{0}} >= {FIRST} THEN {{0}} >> {BITS} & {MASK} ELSE {{0}} END"
_CONCEPTS = (
    "SELECT y.url FROM code_system y WHERE y.state = 1 AND y.concepts <> "
    "(SELECT count(*) FROM concept c WHERE c.s = y.s)"
)
# Of a damaged one nothing can be told but that.
_FOOTPRINTS = "SELECT v, CASE WHEN json_valid(rows, 8) THEN json(rows) ELSE '' END FROM footprint"
_WORDS = (
    f"SELECT v FROM footprint WHERE json_valid(rows, 8) AND json_type(rows, '$.\"{WORDED}\"') IS NOT NULL "
    "EXCEPT SELECT rowid FROM idx_text"
)
_TIMES = "SELECT v FROM (SELECT v, time, lag(time) OVER (ORDER BY v) AS before FROM version) WHERE time < before"


def check(connection: apsw.Connection) -> list[str]:
    """Return what is wrong, in sentences; nothing when all is well."""
    problems = [
        f"The database file is damaged: {row[0]}."
        for row in connection.execute("PRAGMA integrity_check(10)")
        if row[0] != "ok"
    ]
    if problems:
        return problems
    return [
        *_listed(connection, _CURRENT, "The current version of {} is not its newest."),
        *_listed(connection, _NUMBERS, "The versions of {} are not numbered without gaps."),
        *_listed(connection, _BODIES, "Version row {} has no body."),
        *_listed(connection, _TIMES, "Version row {} is older than the row before it."),
        *(
            f"The count of {name} says {counted}, there are {live}."
            for name, counted, live in connection.execute(_COUNTS)
        ),
        *_listed(connection, _CONCEPTS, "The loaded code system {} has not all of its concepts."),
        *_index(connection),
        *(audit_chain.verify(connection.execute(CHAIN)) or _events(connection)),
    ]


def _events(connection: apsw.Connection) -> list[str]:
    """Compare what events are found by with the rows it was derived from."""
    said = connection.execute("SELECT * FROM audit_event ORDER BY seq, n")
    rows = connection.execute(f"{CHAIN} LIMIT (SELECT coalesce(max(seq), 0) FROM audit_event)")
    derived = (tuple(event) for seq, row, _ in rows for event in facts(seq, audit_chain.decode_row(row)))
    for event, expected in zip_longest(said, derived):
        if event != expected:
            places: list[Any] = [each[0] for each in (event, expected) if each]
            place = min(places)
            return [f"What the events of audit row {place} are found by is not what the row says."]
    return []


def _listed(connection: apsw.Connection, sql: str, sentence: str) -> list[str]:
    names = [row[0] for row in connection.execute(sql)]
    more = [f"... and {len(names) - SHOWN} more of that kind."] if len(names) > SHOWN else []
    return [sentence.format(name) for name in names[:SHOWN]] + more


def _index(connection: apsw.Connection) -> list[str]:
    """Compare the index with the footprints: every row they name is there, and there are no others."""
    problems = []
    expected = dict.fromkeys((table for table, _ in TABLES.values()), 0)
    probes = {
        table: f"SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns.split(', '))}"
        for table, columns in TABLES.values()
    }
    for v, footprint in connection.execute(_FOOTPRINTS):
        try:
            named = list(footprint_rows(v, footprint))
        except (LookupError, TypeError, ValueError):
            problems.append(f"The footprint of version row {v} cannot be read.")
            continue
        for table, key in named:
            expected[table] += 1
            if connection.execute(probes[table], key).fetchone() is None:
                problems.append(f"Version row {v} has lost a row of {table}.")
    for table, rows in expected.items():
        (found,) = next(connection.execute(f"SELECT count(*) FROM {table}"))
        if found != rows:
            problems.append(f"The index table {table} has {found} rows, its versions account for {rows}.")
    problems += _listed(
        connection,
        f"SELECT f.v FROM footprint f WHERE {_OWN.format('f.v')} NOT IN ({_KEPT})",
        "Version row {} is indexed beyond its life.",
    )
    problems += _listed(
        connection,
        f"SELECT i.rowid FROM idx_text i WHERE {_OWN.format('i.rowid')} NOT IN ({_KEPT})",
        "Version row {} has words beyond its life.",
    )
    problems += _listed(connection, _WORDS, "Version row {} has lost its words.")
    problems += _listed(
        connection,
        f"SELECT v FROM (SELECT v FROM idx_type EXCEPT {_KEPT}) UNION ALL "
        f"SELECT v FROM ({_KEPT} EXCEPT SELECT v FROM idx_type)",
        "Version row {} is missing from the index of its type, or there against the rules.",
    )
    return problems[: SHOWN * 2]
