"""Owners by their accounts and grants.

A session that has ended ends nothing: whoever asked is asked about. An app is heard as long as its access lasts, a
machine as long as it is registered, both within the scopes they asked with.
"""

from __future__ import annotations

from auth.accounts import Account, account_of
from auth.admission import scoped
from auth.grants import FIRST_PARTY, Grant, grant_of
from auth.scopes import parse_scopes
from auth.smart.registry import Registry
from fhir_server.accounts.employers import employers
from fhir_server.accounts.principal import principals
from fhir_server.interactions.call import Services
from fhir_server.interactions.subscribing.tables import Owner
from fhir_server.interactions.telling.owners import OwnerGone, Standing, Whose

NEVER = 1 << 62


def of_accounts(services: Services) -> Whose:
    """Return what knows owners by their accounts and grants."""

    def known(type: str, name: str) -> bool:
        return services.registry.get(type, name) is not None

    principal_of = principals(services.access, known, lambda account: employers(services, account))
    apps = Registry(known)

    async def find(owner: Owner) -> Standing:
        account = await _account(services, owner)
        if owner.kind == "session" and account is not None:
            grant = Grant(owner.grant or "", "session", account.id, FIRST_PARTY, 0, NEVER)
        elif owner.kind == "smart":
            grant = await _access(services, owner)
        elif owner.kind == "backend":
            client = await apps.client(services.store.records, owner.client or "")
            if client is None or client.disabled:
                raise OwnerGone("The client that asked for this subscription is not registered any more.")
            asked = parse_scopes(" ".join(owner.scopes), known)[0]
            scopes = tuple(str(each) for each in asked.meet(client.scopes).resources)
            grant = Grant(owner.grant or "", "backend", None, client.id, 0, NEVER, scopes)
        else:
            raise OwnerGone("Nobody with an account asked for this subscription: write it again, as somebody.")
        principal = await principal_of(grant, account)
        return Standing(principal, "" if account is None or account.confirmed_at is None else account.email)

    return find


async def _account(services: Services, owner: Owner) -> Account | None:
    if owner.account is None:
        return None
    account = await account_of(services.store.records, owner.account)
    if account is None or account.status == "disabled":
        raise OwnerGone("The account of the owner cannot be used any more.")
    return account


async def _access(services: Services, owner: Owner) -> Grant:
    grant = await grant_of(services.store.records, owner.grant or "")
    if grant is None or not grant.is_alive(services.now()):
        raise OwnerGone("The access of the app that asked for this subscription has ended.")
    return scoped(grant, owner.scopes)
