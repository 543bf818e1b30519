"""Who is on a socket, as interactions see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth.rights import EVERYTHING
from fhir_server.interactions.call import Call, Principal, Resource, Services
from realtime.ports import Member


@dataclass(frozen=True, slots=True)
class Visitor:
    """A principal, with the id of the request that opened the socket and the network address it came from."""

    principal: Principal
    request: str
    address: str


Here = Member[Visitor]


def call_of(services: Services, member: Here, type: str, id: str | None = None, body: Resource | None = None) -> Call:
    """Return a call that the member makes, with their rights."""
    visitor = member.principal
    call = Call(services, visitor.principal, visitor.request, type, id, resource=body)
    call.address = visitor.address
    return call


def on_behalf(call: Call) -> Call:
    """Return the call as the server makes it for a member who has no right to it of their own, and in their name.

    What is asked for is the server's to decide: that somebody has come, not what they say about it.
    """
    return replace(call, principal=replace(call.principal, rights=EVERYTHING))
