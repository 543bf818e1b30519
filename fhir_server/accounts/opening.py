"""Open the desk of a tenant: its authentication over its store."""

from __future__ import annotations

import logging

from auth.auth import House, open_auth
from auth.mail import Deliver
from auth.policy import Policy
from fhir_server.accounts.desk import Desk, Notice, audit_row
from fhir_server.accounts.principal import principals
from fhir_server.interactions.call import Services

log = logging.getLogger("fhir_server.accounts")


async def opening(
    services: Services,
    notice: Notice,
    policy: Policy,
    *,
    registration: str,
    deliver: Deliver,
    front: str = "",
    rate_factor: float = 1.0,
) -> Desk:
    """Return the desk.

    `deliver` sends letters, `front` is the address of the front end that they link to, `rate_factor` widens how often
    things may be tried.
    """

    def known(type: str, name: str) -> bool:
        return services.registry.get(type, name) is not None

    house = House(
        store=services.store,
        now=services.now,
        base=services.base,
        secret=services.secret,
        row=audit_row,
        principal=principals(policy, known),
        deliver=deliver,
        lost=lambda why: log.error("a letter was not delivered", extra={"reason": why}),
        front=front,
        confirmed_only=registration == "verified",
        waits=services.audit_waits,
        rate_factor=rate_factor,
    )
    return Desk(services, await open_auth(house), notice, registration)
