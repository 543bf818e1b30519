"""What a grant and the account behind it may see of the store: the one place where both become a `Principal`."""

from __future__ import annotations

from auth.accounts import Account
from auth.grants import Grant
from fhir_server.interactions.call import Principal
from profiles.restriction import NONE, InCompartment, Matches, Restriction


def principal_of(grant: Grant, account: Account | None) -> Principal:
    """Return who calls.

    A patient has the own compartment, a professional the own Practitioner, everybody else nothing. The rules of
    `auth.policy` are to be asked here.
    """
    actor = f"Client/{grant.client}" if account is None else account.actor
    return Principal(actor, _restriction(grant, account))


def _restriction(grant: Grant, account: Account | None) -> Restriction:
    if account is None or grant.kind != "session" or account.status == "disabled":
        return NONE
    match account.role:
        case "patient":
            return InCompartment("Patient", account.id)
        case "doctor":
            return Matches("Practitioner", (("_id", account.id),))
    return NONE
