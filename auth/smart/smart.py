"""A tenant's authorization server, all parts together. `open_smart` builds it beside the tenant's `Auth`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auth.auth import Auth
from auth.grants import Grant
from auth.ports import Fetch
from auth.scopes import Known
from auth.smart import flow, token_endpoint
from auth.smart.client_authentication import ClientAuthentication
from auth.smart.context import People
from auth.smart.discovery import Endpoints
from auth.smart.flow import Flow
from auth.smart.introspection import Introspection
from auth.smart.key_sets import KeySets
from auth.smart.logout import Logout
from auth.smart.origins import Origins
from auth.smart.pages import Pages
from auth.smart.registration import Registration
from auth.smart.registry import Registry
from auth.smart.revocation import Revocation
from auth.smart.token_endpoint import TokenEndpoint


@dataclass(frozen=True, slots=True)
class Smart:
    """The parts."""

    endpoints: Endpoints
    known: Known
    people: People
    registry: Registry
    registration: Registration
    origins: Origins
    authentication: ClientAuthentication
    token: TokenEndpoint
    introspection: Introspection
    revocation: Revocation
    flow: Flow
    logout: Logout
    pages: Pages


async def open_smart(auth: Auth[Any], endpoints: Endpoints, people: People, fetch: Fetch, known: Known) -> Smart:
    """Return the authorization server; `known` tells whether a type has a search parameter of that name."""
    store, now, base = auth.store, auth.now, endpoints.issuer
    registry = Registry(known)
    audiences = frozenset((endpoints.at("token"), base))
    authentication = ClientAuthentication(store, registry, KeySets(fetch, now), audiences, now)

    origins = Origins(store, registry)
    await origins.learn()

    def forget(grant: Grant) -> None:
        auth.admission.forget(grant=grant.id)

    return Smart(
        endpoints=endpoints,
        known=known,
        people=people,
        registry=registry,
        registration=Registration(store, registry, auth.trail, known, changed=origins.look_again, forget=forget),
        origins=origins,
        authentication=authentication,
        token=TokenEndpoint(token_endpoint.Parts(store, authentication, auth.tokens, auth.trail, known, base, forget)),
        introspection=Introspection(store, auth.tokens, base, now),
        revocation=Revocation(store, auth.tokens, auth.trail, forget),
        flow=Flow(flow.Parts(store, registry, people, auth.trail, known, base, now, forget, auth.assurance)),
        logout=Logout(store, registry, auth.tokens, auth.trail, now, forget),
        pages=Pages(),
    )
