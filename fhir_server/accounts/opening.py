"""Open the desk of a tenant: its authentication over its store."""

from __future__ import annotations

from auth.auth import House, open_auth
from auth.policy import Policy
from fhir_server.accounts.desk import Desk, Notice, audit_row
from fhir_server.accounts.principal import principals
from fhir_server.interactions.call import Services


async def opening(
    services: Services, notice: Notice, policy: Policy, *, registration: str, rate_factor: float = 1.0
) -> Desk:
    """Return the desk; `rate_factor` widens how often things may be tried."""

    def known(type: str, name: str) -> bool:
        return services.registry.get(type, name) is not None

    house = House(
        store=services.store,
        now=services.now,
        base=services.base,
        secret=services.secret,
        row=audit_row,
        principal=principals(policy, known),
        waits=services.audit_waits,
        rate_factor=rate_factor,
    )
    return Desk(services, await open_auth(house), notice, registration)
