"""Who calls, as the policy that comes with the server sees them; ids are chosen by the test, in plain sight."""

from __future__ import annotations

from dataclasses import replace

from auth.policy import BREAK_GLASS, TREATMENT, Caller, rights_of
from auth.policy_file import default_policy
from auth.scopes import parse_scopes
from fhir_server.interactions.call import ANONYMOUS, Principal

_KINDS = {"patient": "Patient", "admin": "Person", "system": "Client"}


def caller(
    role: str, id: str, *, scopes: str | None = None, patient: str | None = None, purpose: str = TREATMENT
) -> Principal:
    """Return the principal of an account, or of an app with `scopes` that asks for one."""
    granted = None if scopes is None else parse_scopes(scopes, lambda type, name: True)[0]
    actor = f"{_KINDS.get(role, 'Practitioner')}/{id}"
    asked = Caller(role, id, actor, granted, patient, purpose)
    policy = replace(default_policy(), purposes=frozenset((TREATMENT, purpose)))
    return Principal(actor, rights_of(policy, asked), account=id, role=role, purpose=purpose)


def patient(id: str, **more: str) -> Principal:
    """Return a patient."""
    return caller("patient", id, **more)


def doctor(id: str, **more: str) -> Principal:
    """Return a confirmed doctor."""
    return caller("doctor", id, **more)


def breaking_glass(id: str, patient: str) -> Principal:
    """Return a doctor who has broken the glass for a patient."""
    return caller("doctor", id, patient=patient, purpose=BREAK_GLASS)


OWNER = ANONYMOUS
"""Who may do everything: for what a test needs to be there."""
