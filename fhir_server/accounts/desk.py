"""The desk that accounts are opened and changed at: a tenant's services and its authentication, together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from auth.accounts import Account, Role
from auth.auth import Auth
from auth.oidc import Upstream
from auth.ports import Asker, Event
from auth.rights import EVERYTHING
from auth.smart.smart import Smart
from fhir_server.fetching import Fetcher
from fhir_server.interactions.answer import answer
from fhir_server.interactions.call import Call, Principal, Resource, Services
from fhir_server.interactions.transaction import settle
from fhir_server.model.lately import Lately
from fhir_server.store.base import AuditRow, Transaction

PAGES = 128
"""Pages of JSON views that are remembered."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice that consents name: its address and its version."""

    uri: str
    version: str


@dataclass(frozen=True, slots=True)
class Outside:
    """The external provider, what asks it, and the role of accounts opened for whom it sends; None opens none."""

    upstream: Upstream
    fetcher: Fetcher
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What accounts need. `registration` is how one becomes a member: `open`, `verified` or `closed`.

    `pages` are the records of JSON views shown lately, by the versions that are shown.
    """

    services: Services
    auth: Auth[Principal]
    smart: Smart
    fetcher: Fetcher
    notice: Notice
    registration: str = "open"
    outside: Outside | None = None
    pages: Lately = field(default_factory=lambda: Lately(PAGES))

    async def close(self) -> None:
        """Deliver the letters that wait, end what was begun beside, and hang up."""
        await self.smart.origins.settle()
        await self.auth.close()
        await self.fetcher.close()
        if self.outside is not None:
            await self.outside.fetcher.close()

    async def write(
        self,
        account: Account,
        asker: Asker,
        entries: Sequence[Resource],
        also: Callable[[Transaction], Awaitable[None]],
        *,
        marks: bool = False,
    ) -> None:
        """Put transaction entries and do `also`, all in one commit, on the account's behalf.

        They take the road of every write: validated, indexed, audited. What is changed with `marks` keeps its author.
        """
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
        call = Call(self.services, Principal(account.actor, EVERYTHING, marks=marks), asker.request, resource=bundle)
        call.address = asker.address
        await settle(call, answer, also)


def entry(method: str, url: str, resource: Resource) -> Resource:
    """Return a transaction entry."""
    return {"request": {"method": method, "url": url}, "resource": resource}


def audit_row(event: Event, time: int) -> AuditRow:
    """Return an event of accounts as a row of the audit trail."""
    return AuditRow(
        time,
        event.actor,
        event.action,
        event.target,
        event.status,
        event.asker.request,
        event.patients,
        event.details,
        event.asker.address,
    )
