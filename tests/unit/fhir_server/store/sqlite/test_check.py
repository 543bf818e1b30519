"""`check` notices what should never be."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from fhir_server.search.values import IndexEntries
from fhir_server.store.audit import AuditQuery
from fhir_server.store.base import AuditRow, Key
from fhir_server.store.contained_row import contained_row
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.versions import coded, delete, new, put, update

DAMAGE = {
    "UPDATE resource SET current = 1 WHERE rid = (SELECT rid FROM version WHERE v = 1)": "is not its newest",
    "UPDATE version SET number = 9 WHERE v = 2": "not numbered without gaps",
    "DELETE FROM body WHERE v = 2": "has no body",
    "UPDATE version SET time = 0 WHERE v = 3": "older than the row before it",
    "UPDATE type_count SET live = live + 1": "The count of Patient says 2, there are 1.",
    "DELETE FROM idx_token WHERE v = 2": "Version row 2 has lost a row of idx_token.",
    "UPDATE idx_token SET g = 7 WHERE v = 2": "Version row 2 has lost a row of idx_token.",
    "UPDATE footprint SET rows = x'6f6464' WHERE v = 2": "The footprint of version row 2 cannot be read.",
    'UPDATE footprint SET rows = jsonb(\'{"1":[["?"]]}\') WHERE v = 2': "footprint of version row 2 cannot be read.",
    "INSERT INTO idx_token VALUES (1, 1, 77, 0)": "idx_token has 4 rows, its versions account for 3.",
    "DELETE FROM idx_type WHERE v = 2": "missing from the index of its type",
    "INSERT INTO idx_type VALUES (1, 3)": "or there against the rules",
    "DELETE FROM dead WHERE v = 1": "Version row 1 is indexed beyond its life.",
    "DELETE FROM idx_owned WHERE v = 1": "Version row 1 has lost a row of idx_owned.",
    "INSERT INTO idx_owned VALUES (1, 1, 1, 5, 77, 5, 0)": "idx_owned has 2 rows, its versions account for 1.",
    "INSERT INTO idx_text (rowid, content) VALUES (3, 'left')": "Version row 3 has words beyond its life.",
    "DELETE FROM idx_text WHERE rowid = 1": "Version row 1 has lost its words.",
    f"DELETE FROM idx_text WHERE rowid = {contained_row(1)}": f"Version row {contained_row(1)} has lost its words.",
    f"DELETE FROM idx_token WHERE v = {contained_row(1)}": "has lost a row of idx_token.",
    f"INSERT INTO idx_text (rowid, content) VALUES ({contained_row(3)}, 'left')": "has words beyond its life.",
    f"INSERT INTO footprint VALUES ({contained_row(3)}, jsonb('{{}}'))": "is indexed beyond its life.",
    "DELETE FROM idx_text_data WHERE id > 100": "corruption found reading blob",
    "DROP TRIGGER audit_is_not_updated; UPDATE audit SET row = x'7b7d' WHERE seq = 1": "chain breaks at row 1",
    "UPDATE audit_event SET patient = '2' WHERE seq = 2": "the events of audit row 2",
    "DELETE FROM audit_event WHERE seq = 1": "the events of audit row 1",
    "INSERT INTO audit_event VALUES (2, 1, 0, NULL, 'x', 'x', 200, NULL)": "the events of audit row 2",
    "DROP TRIGGER audit_is_not_deleted; DELETE FROM audit WHERE seq = 1": "row 1 is missing",
}


async def some(store: SqliteStore) -> None:
    """Rows 1 and 2 are versions of one Patient, row 3 is the tombstone of an Observation that never was."""
    patient = Key("Patient", "1")
    held = IndexEntries(tokens=[("_id", "", "i", 0)], texts=("", "held"))
    entries = replace(
        coded("a"), texts=("some", "words"), by_patient=frozenset(("code",)), contained=[("#Basic", held)]
    )
    await put(store, new(patient, 1, owners=[patient]), entries)
    await update(store, Key("Patient", "1"))
    await delete(store, Key("Observation", "never-there"))
    for n in (1, 2):
        await store.audit(AuditRow(n, "alice", "read", "Patient/1", 200, "r"), wait=True)
    await store.audit_count(AuditQuery(), restriction=ALL)


@pytest.mark.parametrize("sql", DAMAGE)
async def test_damage_is_named(store: SqliteStore, sql: str):
    await some(store)
    assert await store.check() == []
    store._writing.raw.execute(sql)
    assert DAMAGE[sql] in " ".join(await store.check())


@pytest.mark.parametrize(
    "sql", ["UPDATE audit SET row = x'00'", "DELETE FROM audit", "REPLACE INTO audit VALUES (1, x'', x'')"]
)
async def test_audit_rows_cannot_be_changed(store: SqliteStore, sql: str):
    await some(store)
    with pytest.raises(apsw.ConstraintError):
        store._writing.raw.execute(sql)
    assert await store.check() == []
