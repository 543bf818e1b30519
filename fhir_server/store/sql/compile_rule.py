"""Types, subjects, care relations and consents of a restriction as tests of one version.

Relations and what consents refuse are records (`profiles.restriction.RELATIONS` and `RULES` say what is in them), so
that they change in the commit that changes them, and every later statement knows. The tests are the same text for
everybody; who asks, and when, are arguments.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from fhir_server.store.sql.dialect import FALSE, Names, Statement
from profiles.restriction import RELATIONS, RULES, Consented, Related

_TYPE = "(SELECT kt.name FROM version kv CROSS JOIN type kt ON kt.id = kv.type WHERE kv.v = {v})"
_SUBJECTS = "FROM owner ko CROSS JOIN resource ks ON ks.rid = ko.rid"
_IN_FORCE = "(kr.expires IS NULL OR kr.expires > ?) AND coalesce(kr.value ->> 'since', 0) <= ?"


def of_types(types: Sequence[str], v: str) -> Statement:
    """Return the test that version `v` is of a resource of one of `types`."""
    # By name: what the store has never met needs no number to be none of them.
    return Statement(f"{_TYPE.format(v=v)} IN (SELECT kj.value FROM json_each(?) kj)", (json.dumps(list(types)),))


def is_about(patient: str, v: str, names: Names) -> Statement:
    """Return the test that version `v` is about a patient."""
    rid = names.resource_id("Patient", patient)
    if rid is None:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM owner o WHERE o.v = {v} AND o.rid = ? AND o.subject = 1)", (rid,))


def is_related(related: Related, v: str) -> Statement:
    """Return the test that version `v` is about a patient with whom a relation is open, and within its conditions."""
    sql = (
        f"EXISTS (SELECT 1 {_SUBJECTS} CROSS JOIN record_field kf ON kf.tbl = '{RELATIONS}' AND kf.field = 'pair'"
        f" AND kf.value = ? || '/' || ks.id CROSS JOIN record kr ON kr.tbl = kf.tbl AND kr.key = kf.key"
        f" WHERE ko.v = {v} AND ko.subject = 1 AND {_IN_FORCE} AND (kr.value -> 'only' IS NULL OR EXISTS (SELECT 1"
        f" FROM json_each(kr.value, '$.only') kc WHERE {_conditions('kc.value', v)})))"
    )
    return Statement(sql, (related.practitioner, related.at, related.at))


def is_refused(asked: Consented, v: str) -> Statement:
    """Return the test that a patient whom version `v` is about refuses it to the actor, and makes no exception."""
    actors, purpose, at = json.dumps(list(asked.actors)), asked.purpose, asked.at
    excepted = (
        f"EXISTS (SELECT 1 FROM json_each(kr.value, '$.except') kx WHERE {_named('kx.value')}"
        " AND coalesce(kx.value ->> 'since', 0) <= ? AND coalesce(kx.value ->> 'until' > ?, 1)"
        f" AND {_conditions('kx.value', v)})"
    )
    sql = (
        f"EXISTS (SELECT 1 {_SUBJECTS} CROSS JOIN record_field kf ON kf.tbl = '{RULES}' AND kf.field = 'patient'"
        f" AND kf.value = ks.id CROSS JOIN record kr ON kr.tbl = kf.tbl AND kr.key = kf.key"
        f" WHERE ko.v = {v} AND ko.subject = 1 AND {_IN_FORCE} AND {_named('kr.value')}"
        f" AND {_conditions('kr.value', v)} AND NOT {excepted})"
    )
    return Statement(sql, (at, at, actors, purpose, actors, purpose, at, at))


def _named(rule: str) -> str:
    """Return the test that a rule is about one of the actors, and the purpose, that are its two arguments."""
    return (
        f"({rule} -> 'actors' IS NULL OR EXISTS (SELECT 1 FROM json_each(?) ki WHERE ki.value IN"
        f" (SELECT kj.value FROM json_each({rule}, '$.actors') kj)))"
        f" AND ({rule} -> 'purposes' IS NULL OR ? IN (SELECT kj.value FROM json_each({rule}, '$.purposes') kj))"
    )


def _conditions(rule: str, v: str) -> str:
    """Return the test that version `v` meets every condition of a rule."""
    author = f"(SELECT ka.name FROM version kv CROSS JOIN author ka ON ka.id = kv.author_id WHERE kv.v = {v})"
    name = (
        "(SELECT kt.name || '/' || kb.id FROM version kv CROSS JOIN type kt ON kt.id = kv.type"
        f" CROSS JOIN body kb ON kb.v = kv.v WHERE kv.v = {v})"
    )
    encounter = (
        f"EXISTS (SELECT 1 FROM json_each({rule}, '$.encounters') kj CROSS JOIN resource ke ON ke.id = kj.value"
        " AND ke.type = (SELECT kt.id FROM type kt WHERE kt.name = 'Encounter')"
        f" CROSS JOIN owner kw ON kw.v = {v} AND kw.rid = ke.rid)"
    )
    label = (
        f"EXISTS (SELECT 1 FROM json_each({rule}, '$.labels') kj CROSS JOIN label kl ON kl.v = {v}"
        " CROSS JOIN token kt ON kt.t = kl.t AND kt.system = kj.value ->> 0 AND kt.code = kj.value ->> 1)"
    )
    time = f"(SELECT kv.time FROM version kv WHERE kv.v = {v})"
    tests = (
        ("types", f"{_TYPE.format(v=v)} IN (SELECT kj.value FROM json_each({rule}, '$.types') kj)"),
        ("authors", f"{author} IN (SELECT kj.value FROM json_each({rule}, '$.authors') kj)"),
        ("resources", f"{name} IN (SELECT kj.value FROM json_each({rule}, '$.resources') kj)"),
        ("encounters", encounter),
        ("labels", label),
        ("from", f"{time} >= {rule} ->> 'from'"),
        ("to", f"{time} < {rule} ->> 'to'"),
    )
    return " AND ".join(f"({rule} -> '{key}' IS NULL OR {test})" for key, test in tests)
