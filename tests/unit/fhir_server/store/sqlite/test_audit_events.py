"""Questions to the audit trail are answered by its indexes, in the order of time, without sorting."""

from __future__ import annotations

import pytest

from fhir_server.store.audit import AuditQuery, AuditRow, Between, Condition, Every, OneOf
from fhir_server.store.sqlite import audit_events
from fhir_server.store.sqlite.audit_events import select
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL, InCompartment, Restriction, WrittenBy

SINCE = Between("time", 5)


@pytest.mark.parametrize(
    ("where", "restriction", "index"),
    [
        (Every(), ALL, "audit_event_time"),
        (SINCE, ALL, "audit_event_time (time>?"),
        (OneOf("patient", ("1",)), ALL, "audit_event_patient (patient=?"),
        (Every((OneOf("patient", ("1",)), SINCE)), ALL, "audit_event_patient (patient=? AND time>?"),
        (OneOf("actor", ("a",)), ALL, "audit_event_actor (actor=?"),
        (OneOf("target", ("Patient/1",)), ALL, "audit_event_target (target=?"),
        (Between("status", 400, 499), ALL, "audit_event_failed"),
        (OneOf("action", ("read",)), InCompartment("Patient", "1"), "audit_event_patient (patient=?"),
        (Every(), WrittenBy("a"), "audit_event_actor (actor=?"),
    ],
    ids=str,
)
@pytest.mark.parametrize("after", [None, (3, 0)])
@pytest.mark.parametrize("descending", [True, False])
def test_a_question_goes_by_its_index(
    store: SqliteStore,
    where: Condition,
    restriction: Restriction,
    index: str,
    after: tuple[int, int] | None,
    descending: bool,
) -> None:
    sql, arguments = select(AuditQuery(where, descending, 50, after), 10, restriction)
    plan = [row[3] for row in store._writing.raw.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
    assert index in plan[0]
    assert not any("TEMP B-TREE" in step for step in plan)


async def test_a_long_backlog_is_indexed_in_pieces(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_events, "SLICE", 7)
    monkeypatch.setattr(audit_events, "SLICES", 3)
    for n in range(100):
        await store.audit(AuditRow(n, "a", "read", "Patient/1", 200, "r", ("1", "2")[: n % 3]))
    assert await store.audit_count(AuditQuery(OneOf("actor", ("a",))), restriction=ALL) == 34 + 33 + 2 * 33
    await store.audit(AuditRow(100, "a", "read", "Patient/1", 200, "r"))
    assert await store.audit_count(AuditQuery(OneOf("patient", ("1",))), restriction=ALL) == 101
    assert await store.check() == []
