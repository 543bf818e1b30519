"""The one file that knows every part: from settings to an ASGI application.

`open_tenant` opens a store and hands its parts down in `Services`; `create_app` puts the FHIR API of the default tenant
at `/fhir` and FastAPI at everything else. What belongs to a tenant hangs on its `Tenant`, nothing on modules.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_server.anchoring import Anchoring
from fhir_server.errors import Refusal, StoreUnavailable
from fhir_server.http.cors import Cors
from fhir_server.http.guard import Guard, OpenGuard, TokenGuard
from fhir_server.http.middleware import Door
from fhir_server.http.negotiate import JSON, JSON_PATCH, XML
from fhir_server.http.request import BodyLimits
from fhir_server.http.rest import Interactions, Options, Rest
from fhir_server.http.routes import interactions
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import Limits, Services, system_clock
from fhir_server.interactions.ids import id_maker
from fhir_server.interactions.judging import ProfileJudge
from fhir_server.interactions.own_definitions import OwnDefinitions
from fhir_server.interactions.own_parameters import OwnParameters
from fhir_server.interactions.profiles import Policy
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.jobs import Jobs
from fhir_server.open_subscriptions import demand_conditions, open_subscriptions, subscription_rules, websocket_address
from fhir_server.operations.registry import OPERATIONS, described
from fhir_server.packages.bring import bring
from fhir_server.search.extract import Extractor
from fhir_server.search.match import Criteria
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria
from fhir_server.search.query import Node
from fhir_server.settings import Settings, SettingsError
from fhir_server.store.base import Store
from fhir_server.store.connect import connect, shareable
from fhir_server.tables import tables
from fhir_server.terminologies.resource_index import ResourceIndex
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator

if TYPE_CHECKING:
    from auth.policy import Policy as AccessPolicy
    from fhir_server.accounts.desk import Desk
    from fhir_server.live.doors import Doors
    from fhir_server.live.opening import Live
    from mappings.views.describe import Described

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Ready = Callable[[], Awaitable[bool]]

MOUNT = "/fhir"
DISCOVERY = b"/fhir/.well-known/"
"""Where apps read what the server can do for them before they ask: plain JSON, and not FHIR."""
UPLOAD = 32 * 1024 * 1024
"""Bytes of a form with a file, which is held in memory; what is larger is sent to `/fhir/Binary`, which streams."""
RELEASED = "2026-11-23"
SOON = 1.0
"""Seconds after the start at which FastAPI is loaded, so that it does not delay the first answer."""
YOUNG = 20_000
"""Objects made since the last look for garbage at which there is another one."""
ROUTED: Interactions = {
    **INTERACTIONS,
    "bundle": bundle,
    **{f"${name}": each.answer for name, each in OPERATIONS.items()},
}

log = logging.getLogger("fhir_server")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: its store and everything that is built on it."""

    services: Services
    jobs: Jobs
    anchoring: Anchoring | None


@asynccontextmanager
async def open_tenant(settings: Settings) -> AsyncIterator[Tenant]:
    """Open the default tenant's store; it is closed at the end. Raises StoreUnavailable.

    Its background jobs rest until they are begun; they are stopped before the store is closed.
    """
    registry = Registry()
    store = await connect(
        settings.store,
        criteria=_criteria(registry, settings.base),
        tables=tables(),
        cursor_lifetime=settings.cursor_lifetime_s,
        read_budget=settings.read_budget_ms / 1000,
        search_budget=settings.search_budget_s,
    )
    jobs = Jobs()
    anchoring: Anchoring | None = None
    own = OwnParameters(store, registry)
    catalogue, validator = Catalogue(), Validator()
    index = ResourceIndex(store)
    definitions = OwnDefinitions(store, catalogue, index)

    async def learned() -> None:
        await own.learn()
        jobs.wake()

    try:
        await own.learn()
        await definitions.learn()
        services = Services(
            store=store,
            registry=registry,
            extractor=Extractor(registry),
            validator=validator,
            base=settings.base,
            secret=store.secret,
            limits=_limits(settings),
            new_id=id_maker(),
            capabilities=_facts(settings),
            audit_waits=settings.audit == "strict",
            audit_values=settings.audit_values,
            learned=learned,
            wake_jobs=jobs.wake,
            policy=Policy(settings.required_profiles, settings.validate_meta_profile, settings.validate_references),
            access=_policy(settings.policy),
            double_booking=settings.double_booking == "allow",
            catalogue=catalogue,
            judge=ProfileJudge(catalogue, validator, store.concepts),
            defined=definitions.follow,
            subscribing=subscription_rules(settings),
        )
        if settings.telemed_profiles:
            services = await bring(services)
        anchoring = _anchoring(settings, store)
        yield Tenant(services, jobs, anchoring)
    finally:
        await jobs.stop()
        await index.stop()
        if anchoring is not None:
            await anchoring.stop()
        await store.close()


def create_app(settings: Settings) -> App:
    """Return the ASGI application."""
    # Whoever opens a tenant without serving it logs nothing, and starts sooner without what logs need.
    from fhir_server.logs import configure_logs

    configure_logs(settings.log_level, settings.log_format)
    return App(settings)


class App:
    """The dispatcher: `/fhir` to the tenant, everything else to FastAPI, lifespan to the tenant."""

    def __init__(self, settings: Settings) -> None:
        self.refused: Refusal | SettingsError | None = None
        """What kept it from starting."""
        self._settings = settings
        self._open = AsyncExitStack()
        self._tenant: Tenant | None = None
        self._rest: Rest | None = None
        self._guard: Guard = OpenGuard(settings.root, hosts=settings.allowed_hosts, origins=settings.cors_origins)
        self._desk: Desk | None = None
        self._views: Sequence[Described] = ()
        self._doors: Doors | None = None
        self._beside: asyncio.Task[Door] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection event of the ASGI server."""
        if scope["type"] == "http":
            path: bytes = scope["raw_path"]
            own = path.startswith(b"/fhir") and path[5:6] in (b"", b"/") and not path.startswith(DISCOVERY)
            if self._rest is not None and own:
                await self._rest(scope, receive, send)
            elif self._doors is not None and self._doors.takes(path):
                await self._doors(scope, receive, send)
            else:
                door = await self._besides()
                await door(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run(receive, send)

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._doors is not None:
            await self._doors(scope, receive, send)
            return
        from fhir_server.live.endpoint import refuse

        await receive()
        await refuse(
            send, 403, "Sockets belong to people who have signed in, whom a server in open mode does not know."
        )

    async def _run(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._tenant = await self._open.enter_async_context(open_tenant(self._settings))
            await self._open_doors(self._tenant)
        except (Refusal, SettingsError) as refusal:
            self.refused = refusal
            await send({"type": "lifespan.startup.failed", "message": str(refusal)})
            return
        self._tenant.jobs.begin(self._tenant.services)
        if self._tenant.anchoring is not None:
            self._tenant.anchoring.begin()
        await send({"type": "lifespan.startup.complete"})
        asyncio.get_running_loop().call_later(SOON, self._besides)
        await receive()
        await self._open.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open_doors(self, tenant: Tenant) -> None:
        settings = self._settings
        live: Live | None = None
        if settings.auth == "open":
            log.warning("open mode: everybody who reaches this address can read and change everything")
        else:
            # Only who asks for tokens pays for their libraries.
            from fhir_server.open_desk import open_desk

            self._desk = await open_desk(settings, tenant.services)
            self._open.push_async_callback(self._desk.close)
            if not settings.smtp_host:
                log.warning("no mail server is configured: letters are printed here, with the codes in them")
            # What is live stands on accounts, and is loaded with them.
            from fhir_server.open_live import doors_of, open_live

            if settings.views:
                from fhir_server.open_views import open_views

                self._views = open_views(settings, tenant.services)
            live = await open_live(settings, self._desk, heard=websocket_address(settings) is not None)
            self._doors = doors_of(settings, live, self._cors())
            self._open.push_async_callback(self._doors.close)
            self._open.push_async_callback(live.close)
            from fhir_server.open_outgoing import open_outgoing

            self._open.push_async_callback(open_outgoing(settings, self._desk).close)
            self._guard = TokenGuard(
                self._desk.auth.admission,
                settings.root,
                origins=settings.cors_origins,
                registered=self._desk.smart.origins.registered,
            )
        demand_conditions(tenant.services)
        if settings.subscription_channels:
            engine = await open_subscriptions(settings, tenant.services, self._desk, live)
            self._open.push_async_callback(engine.stop)
        self._rest = Rest(tenant.services, ROUTED, self._guard, cors=self._cors(), options=_options(settings))

    def _cors(self) -> Cors:
        if self._desk is None:
            return Cors(self._settings.cors_origins)
        return Cors(self._settings.cors_origins, self._desk.smart.origins.registered, discoverable=True)

    def _besides(self) -> asyncio.Task[Door]:
        """Return the task that loads what stands beside `/fhir`: after the first answer, or when it is asked for."""
        if self._beside is None:
            self._beside = asyncio.get_running_loop().create_task(self._load_beside())
        return self._beside

    async def _load_beside(self) -> Door:
        # What takes long to load is loaded when it is asked for.
        from fhir_server.beside import beside

        desk = self._desk_of if self._desk else None
        api = await asyncio.to_thread(beside, self._ready, desk, self._settings, self._views)
        _settle_memory()
        settings = self._settings
        https = settings.root.startswith("https:")
        return Door(
            api,
            self._guard,
            self._cors(),
            upload=min(settings.max_binary_bytes, UPLOAD),
            proxies=settings.trusted_proxies,
            https=https,
        )

    def _desk_of(self) -> Desk:
        if self._desk is None:
            raise StoreUnavailable("The server is about to start, or to stop.")
        return self._desk

    async def _ready(self) -> bool:
        if self._tenant is None:
            return False
        try:
            await self._tenant.services.store.position()
        except Refusal:
            return False
        return True


def _criteria(registry: Registry, base: str) -> Criteria:
    # The prefix `ap` means near the moment at which it is asked, not near the start of the server.
    def read(resource_type: str, parameters: tuple[tuple[str, str], ...]) -> Node:
        return criteria(registry, base=base, now=system_clock())(resource_type, parameters)

    return read


def _settle_memory() -> None:
    # What is loaded now stays for the life of the process: looking through it for garbage again and again would cost
    # every request, and a full pass would stop the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)


def _policy(path: str) -> AccessPolicy:
    from auth.policy_file import PolicyError, default_policy, read_policy

    try:
        return read_policy(Path(path).read_text("utf-8")) if path else default_policy()
    except OSError as error:
        raise SettingsError(f"policy: the file {path} cannot be read: {error.strerror}.") from None
    except (PolicyError, UnicodeDecodeError) as error:
        raise SettingsError(f"policy: the file {path} cannot be followed: {error}.") from None


def _limits(settings: Settings) -> Limits:
    return Limits(
        page_default=min(settings.page_default, settings.page_max),
        page_max=settings.page_max,
        or_values=settings.or_values,
        chain_depth=settings.chain_depth,
        includes=settings.includes,
        definitions=settings.definitions,
        expansion_codes=settings.expansion_codes,
        patch_operations=settings.patch_operations,
        delete_matches=settings.delete_matches,
        cursor_lifetime=int(settings.cursor_lifetime_s * 1_000_000),
    )


def _options(settings: Settings) -> Options:
    sizes = BodyLimits(settings.max_body_bytes, settings.max_bundle_bytes, settings.max_binary_bytes)
    return Options(settings.request_timeout_s, sizes, settings.log_requests, settings.trusted_proxies)


def _anchoring(settings: Settings, store: Store) -> Anchoring | None:
    """Return who anchors the audit trail; a store that is gone when it closes needs nobody."""
    if not shareable(settings.store):
        return None
    file = Path(settings.audit_anchor_file) if settings.audit_anchor_file else None
    return Anchoring(store, settings.audit_key_path, system_clock, every=settings.audit_anchor_s, file=file)


def _facts(settings: Settings) -> dict[str, Any]:
    from auth.smart.discovery import Endpoints, security

    endpoints = Endpoints(settings.root, settings.client_registration)
    return {
        "security": security(endpoints) if settings.auth == "required" else None,
        "websocket": websocket_address(settings),
        "interactions": interactions(),
        "formats": (JSON, XML, "json", "xml"),
        "patch_formats": (JSON_PATCH, JSON, XML),
        "operations": described(sockets=websocket_address(settings) is not None),
        "version": version("fhir-health-server"),
        "date": RELEASED,
    }
