"""Types, subjects, care relations and consents of a restriction as tests of one version.

Relations and what consents refuse are records (`profiles.restriction.RELATIONS` and `RULES` say what is in them), so
that they change in the commit that changes them, and every later statement knows. The tests are the same text for
everybody; who asks, and when, are arguments. What they ask of records stands in the views of `rule_views`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from fhir_server.store.sql.dialect import FALSE, Names, Statement
from fhir_server.store.sql.rule_views import TYPE
from profiles.restriction import Consented, Related

_IN_FORCE = "(kr.expires IS NULL OR kr.expires > ?) AND kr.since <= ?"


def of_types(types: Sequence[str], v: str) -> Statement:
    """Return the test that version `v` is of a resource of one of `types`."""
    # By name: what the store has never met needs no number to be none of them.
    return Statement(f"{TYPE.format(v=v)} IN (SELECT kj.value FROM json_each(?) kj)", (json.dumps(list(types)),))


def is_about(patient: str, v: str, names: Names) -> Statement:
    """Return the test that version `v` is about a patient."""
    rid = names.resource_id("Patient", patient)
    if rid is None:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM owner o WHERE o.v = {v} AND o.rid = ? AND o.subject = 1)", (rid,))


def is_related(related: Related, v: str) -> Statement:
    """Return the test that version `v` is about a patient with whom a relation is open, and within its conditions."""
    sql = (
        f"EXISTS (SELECT 1 FROM relating kr WHERE kr.v = {v} AND kr.pair = ? || '/' || kr.patient"
        f" AND {_IN_FORCE} AND kr.met)"
    )
    return Statement(sql, (related.practitioner, related.at, related.at))


def is_refused(asked: Consented, v: str) -> Statement:
    """Return the test that a patient whom version `v` is about refuses it to the actor, and makes no exception."""
    actors, vouched = json.dumps(list(asked.actors)), json.dumps(list(asked.vouched))
    purpose, at = asked.purpose, asked.at
    excepted = (
        f"EXISTS (SELECT 1 FROM excepting kx WHERE kx.v = kr.v AND kx.key = kr.key AND {_named('kx.rule')}"
        " AND coalesce(kx.rule ->> 'since', 0) <= ? AND coalesce(kx.rule ->> 'until' > ?, 1) AND kx.met)"
    )
    sql = (
        f"EXISTS (SELECT 1 FROM refusing kr WHERE kr.v = {v} AND {_IN_FORCE} AND {_named('kr.rule')} AND kr.met"
        f" AND NOT {excepted})"
    )
    return Statement(sql, (at, at, actors, purpose, vouched, purpose, at, at))


def is_attached(v: str, holder: str, allowed: Statement) -> Statement:
    """Return the test that the Binary of version `v` is shown where it is attached.

    `allowed` is the test of `<holder>.v`, a version of what it is attached to.
    """
    name = (
        "(SELECT kt.name || '/' || kb.id FROM version kv CROSS JOIN type kt ON kt.id = kv.type"
        f" CROSS JOIN body kb ON kb.v = kv.v WHERE kv.v = {v})"
    )
    living = f"{holder}.v = ka.v AND {holder}.deleted = 0"
    shown = f"EXISTS (SELECT 1 FROM version {holder} WHERE {living} AND ({allowed.sql}))"

    def attached(context: int, test: str) -> str:
        return f"EXISTS (SELECT 1 FROM attaching ka WHERE ka.name = {name} AND ka.context = {context} AND {test})"

    sql = f"(NOT {attached(1, f'NOT {shown}')} AND (NOT {attached(0, '1')} OR {attached(0, shown)}))"
    return Statement(sql, (*allowed.arguments, *allowed.arguments))


def _named(rule: str) -> str:
    """Return the test that a rule is about one of the actors, and the purpose, that are its two arguments."""
    return (
        f"({rule} -> 'actors' IS NULL OR EXISTS (SELECT 1 FROM json_each(?) ki WHERE ki.value IN"
        f" (SELECT kj.value FROM json_each({rule}, '$.actors') kj)))"
        f" AND ({rule} -> 'purposes' IS NULL OR ? IN (SELECT kj.value FROM json_each({rule}, '$.purposes') kj))"
    )
