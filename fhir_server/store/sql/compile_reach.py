"""The rows of what a restriction allows, where they can be looked up: a search may start from them.

They may be more than it allows (relations that have ended, consents that refuse), never fewer: each is tested still.
"""

from __future__ import annotations

from fhir_server.store.sql.dialect import Names, Statement, union
from profiles import restriction as limits
from profiles.restriction import RELATIONS, Related, Restriction

_PATIENT = "Patient"


def reached(restriction: Restriction, type: int, names: Names) -> Statement | None:
    """Select the rows `v` of versions of all that `restriction` allows of the type with that number, None where only
    the whole type has them. One may come several times.
    """
    match restriction:
        case limits.AnyOf(items):
            each = [reached(item, type, names) for item in items]
            return None if None in each else union([found for found in each if found is not None])
        case limits.AllOf(items):
            return next((found for item in items if (found := reached(item, type, names)) is not None), None)
        case limits.InCompartment(owner, id):
            return _owned(names.resource_id(owner, id))
        case limits.About(patient):
            return _owned(names.resource_id(_PATIENT, patient))
        case limits.WrittenBy(author):
            number = "SELECT a.id FROM author a WHERE a.name = ?"
            return Statement(
                f"SELECT w.v AS v FROM version w WHERE w.author_id = ({number}) AND w.type = ?", (author, type)
            )
        case limits.Related():
            return _related(restriction, names)
    return None


def _owned(rid: int | None) -> Statement:
    return Statement("SELECT o.v AS v FROM owner o WHERE o.rid = ?", (rid or 0,))


def _related(related: Related, names: Names) -> Statement:
    """Select what is about patients with whom there is a relation, begun, open or ended.

    Their pairs begin with the practitioner and a slash; no id has one, and what comes next to it is the digit 0.
    """
    practitioner = related.practitioner
    return Statement(
        "SELECT o.v AS v FROM record_field kf CROSS JOIN resource ks ON ks.type = ?"
        " AND ks.id = substr(kf.value, length(?) + 2) CROSS JOIN owner o ON o.rid = ks.rid AND o.subject = 1"
        f" WHERE kf.tbl = '{RELATIONS}' AND kf.field = 'pair' AND kf.value > ? || '/' AND kf.value < ? || '0'",
        (names.type_id(_PATIENT) or 0, practitioner, practitioner, practitioner),
    )
