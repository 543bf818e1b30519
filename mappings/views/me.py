"""The view `me`: a user, with what the account says and what the Patient, Practitioner or Person behind it says."""

from __future__ import annotations

from functools import cache

from mappings.views.kind import FILLED, ID, MOMENT, TEXT, one_of
from mappings.views.moments import DAY
from mappings.views.people import NAME
from mappings.views.view import At, Field, View, at

TYPES = ("Patient", "Practitioner", "Person")
_ROLES = ("patient", "doctor", "admin")


@cache
def me(type: str) -> View:
    """Return the view of users whose resource is of that type. Raises ValueError for other types than TYPES."""
    if type not in TYPES:
        raise ValueError(f"{type} is not among {', '.join(TYPES)}")
    return View(
        name="me",
        root=type,
        fields=(
            Field("id", ID, at(f"{type}.id"), kept=True),
            Field("email", FILLED, given=True),
            Field("role", one_of(_ROLES), given=True),
            Field("status", FILLED, given=True),
            Field("name", TEXT, at(f"{type}.name.text", At(f"{type}.name", NAME, only_read=True))),
            Field(
                "phone",
                FILLED,
                at(f"{type}.telecom.where(system = 'phone').value"),
            ),
            Field("birth_date", DAY, at(f"{type}.birthDate")),
            Field("locale", FILLED, given=True),
            Field("confirmed_at", MOMENT, given=True),
            Field("inserted_at", MOMENT, given=True),
        ),
        new={type: {"resourceType": type, "active": True}},
    )
