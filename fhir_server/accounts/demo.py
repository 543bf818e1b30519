"""Accounts of the demo clinic: one of each role, with a password that is made anew at each start."""

from __future__ import annotations

import secrets

from auth.accounts import account_by_email
from fhir_server.accounts import manage
from fhir_server.accounts.desk import Desk
from fhir_server.accounts.register import Wanted

PEOPLE = (
    ("patient", "camille@demo.example", "camille-moreau"),
    ("doctor", "helene@demo.example", "helene-garnier"),
    ("admin", "admin@demo.example", None),
)


async def demo_accounts(desk: Desk) -> list[tuple[str, str, str]]:
    """Open the accounts, or give those that are there a new password; return role, address and password of each."""
    opened = []
    for role, email, id in PEOPLE:
        password = secrets.token_urlsafe(12)
        found = await account_by_email(desk.services.store.records, email)
        if found is None:
            wanted = Wanted(email, password, role, rpps="99900000011" if role == "doctor" else None, id=id)
            await manage.add(desk, wanted, manage.BY, manage.asker())
        else:
            await manage.set_password(desk, found, password, manage.BY, manage.asker())
        opened.append((role, email, password))
    return opened
