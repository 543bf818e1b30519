"""Who may open a socket: somebody with an access token of a session of their own, or with a ticket got by one."""

from __future__ import annotations

from dataclasses import replace

from auth import tickets
from auth.admission import Admitted
from auth.auth import Auth
from auth.errors import Unauthenticated
from auth.grants import FIRST_PARTY
from fhir_server.interactions.call import Principal
from fhir_server.live.visitor import Here, Visitor
from realtime.ports import Member, Refused

SECOND = 1_000_000
NOBODY = "unauthorized"


class Doorkeeper:
    """Admits by the tenant's authentication; see `realtime.ports.Doorkeeper`. One for each socket."""

    def __init__(self, auth: Auth[Principal], request: str = "", address: str = "") -> None:
        """`request` and `address` are those of the request that asks for a socket, for the audit trail."""
        self._auth = auth
        self._request = request
        self._address = address

    async def admit(self, token: str) -> Here:
        """Return whom an access token, or a ticket, admits. Raises Refused."""
        try:
            if "." in token:
                ends = int(self._auth.tokens.decode("access", token)["exp"]) * SECOND
                return self._member(await self._auth.admission.admit(token), ends)
            redeemed = await tickets.redeem(self._auth.store, token)
            if redeemed is None:
                raise Refused(NOBODY)
            grant, ends = redeemed
            return self._member(await self._standing(grant, ends), ends)
        except Unauthenticated:
            raise Refused(NOBODY) from None

    async def recall(self, member: Here) -> Here | None:
        """Return the member as of now, None for one whose grant or account has ended or changed its role."""
        try:
            found = self._member(await self._standing(member.grant, member.expires), member.expires)
        except (Unauthenticated, Refused):
            return None
        return (
            replace(found, principal=replace(member.principal, principal=found.principal.principal))
            if found.role == member.role and found.expires > self._auth.now()
            else None
        )

    async def _standing(self, grant: str, ends: int) -> Admitted[Principal]:
        # Only sessions come in here, and their tokens are never for less.
        return await self._auth.admission.standing(grant, ends, None)

    def _member(self, admitted: Admitted[Principal], ends: int) -> Here:
        grant, account = admitted.grant, admitted.account
        if account is None or grant.client != FIRST_PARTY or grant.purpose is not None:
            raise Refused(NOBODY)
        visitor = Visitor(admitted.principal, self._request, self._address)
        return Member(account.id, admitted.principal.role, grant.id, min(ends, grant.expires), visitor)
