"""Open the desk of a tenant: its authentication over its store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from auth.accounts import Role
from auth.auth import House, open_auth
from auth.mail import Deliver
from auth.oidc import Provider, Upstream
from auth.policy import Policy
from fhir_server.accounts.asking import asking
from fhir_server.accounts.desk import Desk, Notice, Outside, audit_row
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
    origins: Sequence[str] = (),
    rate_factor: float = 1.0,
) -> Desk:
    """Return the desk.

    `deliver` sends letters, `front` is the address of the front end that they link to, `origins` are pages that may use
    passkeys besides, `rate_factor` widens how often things may be tried.
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
        origins=origins,
        confirmed_only=registration == "verified",
        waits=services.audit_waits,
        rate_factor=rate_factor,
    )
    return Desk(services, await open_auth(house), notice, registration)


def also_at(desk: Desk, provider: Provider, role: Role | None) -> Desk:
    """Return the desk of people who may also sign in at `provider`; accounts of `role` are opened for whom it sends."""
    upstream = Upstream(provider, desk.services.store, desk.services.now, asking)
    return replace(desk, outside=Outside(upstream, role))
