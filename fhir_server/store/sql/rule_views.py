"""Views of what care relations and consents say of versions, so that the statements that ask are short.

A statement holds its tests once for each alias, type and way that it looks along, and is read anew each time it runs:
of a read by key most of the time went there. What `only`, `except` and the conditions mean, `profiles.restriction`
says. Each view has a row for a version `v` and a patient whom it is about, with `met` for its conditions:

    relating   a care relation with the patient: `pair`, `patient`, `expires`, `since`
    refusing   what a consent of the patient refuses: `rule`, `key`, `expires`, `since`
    excepting  an exception that the consent `key` makes: `rule`

Another tells where Binaries are attached (ATTACHMENTS):

    attaching  the `name` of a Binary, the current version `v` of what names it, and whether that is its `context`
"""

from __future__ import annotations

from profiles.restriction import ATTACHMENTS, RELATIONS, RULES

TYPE = "(SELECT kt.name FROM version kv CROSS JOIN type kt ON kt.id = kv.type WHERE kv.v = {v})"
_SINCE = "coalesce(kr.value ->> 'since', 0)"


def rule_views() -> list[tuple[str, str]]:
    """Return the name of each view and the query it stands for."""
    only = f"kr.value -> 'only' IS NULL OR EXISTS (SELECT 1 FROM json_each(kr.value, '$.only') kc WHERE {_met('kc')})"
    relating = (
        f"SELECT ko.v AS v, ks.id AS patient, kf.value AS pair, kr.expires AS expires, {_SINCE} AS since,"
        f" ({only}) AS met FROM {_records(RELATIONS, 'pair')} WHERE ko.subject = 1"
    )
    told = f"FROM {_records(RULES, 'patient')} AND kf.value = ks.id"
    refusing = (
        f"SELECT ko.v AS v, kr.key AS key, kr.value AS rule, kr.expires AS expires, {_SINCE} AS since,"
        f" ({_met('kr')}) AS met {told} WHERE ko.subject = 1"
    )
    excepting = (
        f"SELECT ko.v AS v, kr.key AS key, kx.value AS rule, ({_met('kx')}) AS met {told}"
        " CROSS JOIN json_each(kr.value, '$.except') kx WHERE ko.subject = 1"
    )
    views = [("relating", relating), ("refusing", refusing), ("excepting", excepting)]
    return [*views, ("attaching", _attaching())]


def _attaching() -> str:
    holder = "(kr.value ->> 'holder')"
    current = (
        "SELECT ks.current FROM type kt CROSS JOIN resource ks ON ks.type = kt.id"
        f" AND ks.id = substr({holder}, instr({holder}, '/') + 1)"
        f" WHERE kt.name = substr({holder}, 1, instr({holder}, '/') - 1)"
    )
    return (
        f"SELECT kf.value AS name, ({current}) AS v, kr.value ->> 'context' AS context FROM record_field kf"
        f" CROSS JOIN record kr ON kf.tbl = '{ATTACHMENTS}' AND kf.field = 'binary' AND kr.tbl = kf.tbl"
        " AND kr.key = kf.key"
    )


def _records(table: str, field: str) -> str:
    return (
        "owner ko CROSS JOIN resource ks ON ks.rid = ko.rid CROSS JOIN record_field kf"
        f" CROSS JOIN record kr ON kf.tbl = '{table}' AND kf.field = '{field}' AND kr.tbl = kf.tbl AND kr.key = kf.key"
    )


def _met(alias: str) -> str:
    """Return the test that version `ko.v` meets every condition of a rule, which is the value of a row."""
    rule, v = f"{alias}.value", "ko.v"
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
        ("types", f"{TYPE.format(v=v)} IN (SELECT kj.value FROM json_each({rule}, '$.types') kj)"),
        ("authors", f"{author} IN (SELECT kj.value FROM json_each({rule}, '$.authors') kj)"),
        ("resources", f"{name} IN (SELECT kj.value FROM json_each({rule}, '$.resources') kj)"),
        ("encounters", encounter),
        ("labels", label),
        ("from", f"{time} >= {rule} ->> 'from'"),
        ("to", f"{time} < {rule} ->> 'to'"),
    )
    return " AND ".join(f"({rule} -> '{key}' IS NULL OR {test})" for key, test in tests)
