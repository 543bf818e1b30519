"""Open the desk of a tenant: its authentication over its store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auth.accounts import Role
from auth.assurance import ANY, Assurance
from auth.auth import House, open_auth
from auth.mail import Deliver
from auth.oidc import Provider, Upstream
from auth.policy import Policy
from auth.sealing import Seal
from auth.smart.discovery import Endpoints
from auth.smart.smart import open_smart
from auth.throttle import Throttle
from auth.tokens import ACCESS_SECONDS
from fhir_server.accounts.asking import asking, getting
from fhir_server.accounts.desk import Desk, Notice, Outside, audit_row
from fhir_server.accounts.employers import ROLE, employers
from fhir_server.accounts.people import Patients
from fhir_server.accounts.principal import principals
from fhir_server.fetching import Fetcher
from fhir_server.interactions.call import Services

if TYPE_CHECKING:
    from limits.aio.storage import Storage


@dataclass(frozen=True, slots=True)
class Apps:
    """What apps meet: where the endpoints are, and who asks the addresses that they name."""

    endpoints: Endpoints
    fetcher: Fetcher


@dataclass(frozen=True, slots=True)
class Post:
    """How letters are delivered, and the address of the front end that they link to."""

    deliver: Deliver
    front: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people get in: what seals their secrets in the store, how one becomes a member (`open`, `verified`,
    `closed`), whose pages may use passkeys besides, how much wider than usual things may be tried, how surely
    people must be recognised, where the servers of an installation count attempts together, and how many seconds an
    access token counts.
    """

    seal: Seal
    registration: str
    origins: Sequence[str] = ()
    rate_factor: float = 1.0
    assurance: Assurance = ANY
    counts: Storage | None = None
    access_seconds: int = ACCESS_SECONDS


log = logging.getLogger("fhir_server.accounts")


async def opening(
    services: Services,
    notice: Notice,
    policy: Policy,
    apps: Apps,
    sign_in: SignIn,
    letters: Post,
) -> Desk:
    """Return the desk, where `letters` is how letters go out. Raises Unsealable."""

    def known(type: str, name: str) -> bool:
        return services.registry.get(type, name) is not None

    house = House(
        store=services.store,
        now=services.now,
        base=services.base,
        seal=sign_in.seal,
        throttle=Throttle(services.secret, sign_in.rate_factor, sign_in.counts, _alone),
        row=audit_row,
        principal=principals(policy, known, lambda account: employers(services, account)),
        deliver=letters.deliver,
        lost=lambda why: log.error("a letter was not delivered", extra={"reason": why}),
        front=letters.front,
        origins=sign_in.origins,
        confirmed_only=sign_in.registration == "verified",
        waits=services.audit_waits,
        assurance=sign_in.assurance,
        access_seconds=sign_in.access_seconds,
    )
    auth = await open_auth(house)
    # What a consent refuses to an organization is refused to whoever works there from the very next request on.
    services.hearing.listen(ROLE, auth.admission.forget)
    people = Patients(services, house.principal)
    smart = await open_smart(auth, apps.endpoints, people, getting(apps.fetcher), known)
    return Desk(services, auth, smart, apps.fetcher, notice, sign_in.registration)


def _alone(why: str) -> None:
    log.warning("attempts are not counted together with other servers", extra={"reason": why})


def also_at(desk: Desk, provider: Provider, role: Role | None, fetcher: Fetcher) -> Desk:
    """Return the desk of people who may also sign in at `provider`, which `fetcher` asks; accounts of `role` are opened
    for whom it sends.
    """
    upstream = Upstream(provider, desk.services.store, desk.services.now, asking(fetcher))
    return replace(desk, outside=Outside(upstream, fetcher, role))
