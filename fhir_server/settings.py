"""Every setting of the server, read once at start: flags, then `FHIR_SERVER_*`, then a TOML file, then the default.

The TOML file is the one that `--config` or `FHIR_SERVER_CONFIG` names. Only `app` and `cli` see this module: everything
below gets plain arguments. `docs/settings.md` lists what stands here, and a test compares the two.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fhir_server.setting_kinds import (
    BusAddress,
    File,
    Folder,
    FrontAddress,
    Names,
    Networks,
    Origins,
    PageFolder,
    Profiles,
    ProviderAddress,
    PublicAddress,
    Roles,
    StoreAddress,
    is_loopback,
    split,
)
from realtime.subscriptions.subscription import Channel

PREFIX = "FHIR_SERVER_"
CONFIG = PREFIX + "CONFIG"
MIB = 1024 * 1024


class Settings(BaseSettings):
    """The settings; durations in the unit that the name ends with, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(1, ge=1, description="Server processes. SQLite takes one.")
    store: StoreAddress = Field(
        "sqlite:///./data/fhir.db", description="Where the data is: `sqlite:///path` or `memory:`."
    )
    auth: Literal["required", "open"] = Field(
        "required", description="`required` asks for a token; `open` lets everybody on this machine in."
    )
    registration: Literal["open", "verified", "closed"] = Field(
        "open",
        description="Who may register: everybody at once, everybody after confirming the address, or nobody.",
    )
    second_factor: Roles = Field(
        (), description="Roles that reach data only when signed in with two factors, as `doctor,admin`."
    )
    access_token_s: int = Field(
        3600,
        ge=4,
        le=3600,
        description="Seconds for which an access token counts, until it is refreshed; a service's 300 at most.",
    )
    client_registration: bool = Field(False, description="Whether apps may register themselves at `/auth/register`.")
    fetch_origins: Names = Field(
        (),
        description="Origins that the server may ask although they are internal, as `http://keys.internal:9000`.",
    )
    policy: File = Field("", description="File with the rules of who may do what. Default: the one that comes along.")
    notice_url: str = Field(
        "",
        description="Address of the privacy notice that consents name, a page of your own. "
        "Default: `/privacy`, which the server leaves to a proxy.",
    )
    notice_version: str = Field("1", description="Version of that notice; change it with the text.")
    rate_factor: float = Field(1.0, gt=0, description="How much wider than usual the rates of sign-in attempts are.")
    app_url: FrontAddress = Field("", description="Address of the front end, which letters link to.")
    mail_from: str = Field("no-reply@localhost", description="Whom letters are from.")
    smtp_host: str = Field("", description="Mail server for letters. Without one they are printed to standard error.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is protected."
    )
    smtp_user: str = Field("", description="User name at the mail server, where it asks for one.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password there.")
    oidc_issuer: ProviderAddress = Field(
        "", description="External OpenID provider to sign in at, by its issuer. Empty: none."
    )
    oidc_name: str = Field("external", description="What the front end calls it.")
    oidc_client_id: str = Field("", description="Who this server is there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="The secret that goes with it.")
    oidc_redirect: str = Field("", description="Page of the front end to which the provider sends browsers back.")
    oidc_scope: str = Field("openid", description="Scopes to ask it for.")
    oidc_acr_values: Names = Field(
        (), description="How surely it must recognise people (`acr`), separated by commas. Empty: any way."
    )
    oidc_subject: str = Field("sub", description="The claim that names its users.")
    oidc_discovery: ProviderAddress = Field(
        "", description="Address of its description, where that is not the usual one."
    )
    oidc_role: Literal["", "patient", "doctor"] = Field(
        "", description="Accounts of this role are opened for whom it sends; empty: only linked accounts enter."
    )
    public_url: PublicAddress = Field(
        "", description="The server's address as clients see it, without `/fhir`. Default: from host and port."
    )
    allowed_hosts: Names = Field(
        (), description="Further names the server may be called by in open mode, separated by commas."
    )
    cors_origins: Origins = Field(
        (), description="Origins whose pages may use the API, as `https://app.example`, separated by commas."
    )
    max_body_bytes: int = Field(16 * MIB, ge=1024, description="Largest body of a request, unzipped.")
    max_bundle_bytes: int = Field(256 * MIB, ge=1024, description="Largest batch or transaction Bundle, unzipped.")
    max_binary_bytes: int = Field(256 * MIB, ge=1024, description="Largest raw content of a Binary, unzipped.")
    request_timeout_s: float = Field(300.0, gt=0, description="Seconds a request other than a read may take.")
    request_head_s: float = Field(15.0, gt=0, description="Seconds a client may take to send the head of a request.")
    room_opens_min: int = Field(15, ge=0, description="Minutes before an appointment from which its room is open.")
    room_closes_min: int = Field(60, ge=0, description="Minutes after an appointment until which its room is open.")
    room_statuses: Names = Field(
        ("booked", "arrived", "checked-in"), description="Statuses of appointments whose rooms are open."
    )
    room_waits: bool = Field(True, description="Whether patients wait until the doctor admits them to the room.")
    stun_urls: Names = Field((), description="STUN servers of calls, as `stun:stun.example.org:3478`.")
    turn_urls: Names = Field(
        (), description="TURN servers of calls, as `turn:turn.example.org:3478?transport=udp`, separated by commas."
    )
    turn_secret: SecretStr = Field(
        SecretStr(""), description="The secret shared with them (coturn: `static-auth-secret`)."
    )
    turn_credential_s: int = Field(14_400, ge=60, description="Seconds for which a participant's credential lets in.")
    views: Folder = Field("", description="Folder with the files that describe JSON views of partners. Empty: none.")
    socket_io: bool = Field(True, description="Whether older clients may come by socket.io, at `/socket.io`.")
    consultation_page: PageFolder = Field(
        "",
        description="Folder with the built page of `examples/consultation`, served at `/consultation/`. Empty: none.",
    )
    sockets: int = Field(20, ge=1, description="Most sockets of one account at a time.")
    sockets_unbound: int = Field(
        50,
        ge=1,
        description="Most sockets of subscriptions from one network address that are open without a token and not "
        "bound; 20 times as many from all.",
    )
    socket_message_bytes: int = Field(65536, ge=1024, description="Largest message that a socket takes.")
    socket_messages: float = Field(50.0, gt=0, description="Messages a second that a socket takes in the long run.")
    socket_burst: int = Field(200, ge=1, description="Messages that it takes at once.")
    socket_queue: int = Field(
        1000, ge=1, description="Messages that may wait for a client that reads slowly, before its socket is closed."
    )
    subscription_channels: Annotated[tuple[Channel, ...], NoDecode, BeforeValidator(split)] = Field(
        ("rest-hook", "websocket", "email"),
        description="Channels of FHIR subscriptions that are offered; `[]` in the file: no subscription is taken.",
    )
    subscription_topics: str = Field(
        "", description="Folder with topics of subscriptions (`*.json`), besides those that come along."
    )
    subscription_retry_s: float = Field(
        1.0, gt=0, description="Seconds until a notification that was not taken is sent again; doubled each time."
    )
    subscription_retry_max_s: float = Field(600.0, gt=0, description="Most seconds between two tries.")
    subscription_errors: int = Field(3, ge=1, description="Failures in a row after which a subscription is in error.")
    subscription_failures: int = Field(20, ge=1, description="Failures in a row after which it is switched off.")
    subscriptions: int = Field(100, ge=1, description="Most subscriptions of one owner.")
    bus: BusAddress = Field(
        SecretStr(""),
        description="Redis that joins the sockets of several servers at one address, and counts attempts to sign in "
        "for all of them, as `redis://:password@host:6379`, `rediss://` with TLS. Empty: one server by itself.",
    )
    page_default: int = Field(50, ge=1, description="Entries of a page when `_count` is not given.")
    page_max: int = Field(1000, ge=1, description="Most entries of a page, whatever `_count` says.")
    or_values: int = Field(1000, ge=1, description="Most alternatives of one search parameter.")
    chain_depth: int = Field(8, ge=1, description="Most references a chained search parameter or `_has` follows.")
    includes: int = Field(10_000, ge=1, description="Most resources `_include` and `_revinclude` add to a page.")
    definitions: int = Field(
        100, ge=1, description="Most value sets and code systems of the store that one search may need."
    )
    expansion_codes: int = Field(5_000, ge=1, description="Most codes of a value set or hierarchy in a search.")
    patch_operations: int = Field(1000, ge=1, description="Most operations of one patch.")
    delete_matches: int = Field(1000, ge=1, description="Most resources one conditional delete takes; 1 for single.")
    cursor_lifetime_s: float = Field(3600.0, gt=0, description="Seconds for which a page walk can be continued.")
    read_budget_ms: float = Field(
        20.0, gt=0, description="Milliseconds a query may hold up other requests before it goes on in a thread."
    )
    search_budget_s: float = Field(
        5.0,
        gt=0,
        description="Seconds the queries of one search may take together before it is refused as too costly (422).",
    )
    validate_profiles: Profiles = Field(
        (),
        description="Profiles that every resource of a type must conform to, as `Patient=https://…/fr-core-patient`.",
    )
    validate_meta_profile: Literal["off", "warn", "enforce"] = Field(
        "warn",
        description="Profiles claimed in `meta.profile`: not checked, checked with warnings, or refused when not kept.",
    )
    validate_references: Literal["off", "warn", "enforce"] = Field(
        "warn",
        description="References to resources that are not here: not looked at, warnings in `$validate`, or errors "
        "there and reasons to refuse a write.",
    )
    reminder_leads_min: Annotated[tuple[int, ...], NoDecode, BeforeValidator(split)] = Field(
        (1440,),
        description="Minutes before a confirmed appointment at which its patient is reminded of it; none: never.",
    )
    double_booking: Literal["refuse", "allow"] = Field(
        "refuse",
        description="Open Appointments of one practitioner that overlap: refused with 409, through whatever API they "
        "are written, or allowed, where an EHR books several patients at a time.",
    )
    telemed_profiles: bool = Field(
        True,
        description="Whether every store gets the profiles of the telemedicine record; nobody changes them then.",
    )
    audit: Literal["grouped", "strict"] = Field(
        "grouped",
        description="`strict` answers a read only when its audit row is on disk; `grouped` does not wait.",
    )
    audit_values: bool = Field(
        False, description="Keep the values of searches in the audit trail, not only the names of their parameters."
    )
    audit_key: str = Field(
        "", description="PEM file with the key that signs audit anchors. Default: made beside the store's file."
    )
    secrets_key: str = Field(
        "",
        description="File with the keys that seal signing keys and second factors in the store. "
        "Default: made beside it.",
    )
    audit_anchor_s: float = Field(300.0, ge=1, description="Seconds between two anchors of the audit trail.")
    audit_anchor_file: str = Field(
        "", description="File to which each anchor is appended, best on another machine's disk."
    )
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose `X-Forwarded-For` counts, separated by commas."
    )
    tls_cert: str = Field("", description="PEM file with the server's certificate and its chain: serve https.")
    tls_key: str = Field("", description="PEM file with the certificate's key, when it is not in the same file.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe entry logged.")
    log_format: Literal["text", "json"] = Field("text", description="How the log is written, on standard error.")
    log_requests: bool = Field(False, description="Log each request: route, status and time, never its query or body.")

    @model_validator(mode="after")
    def _door(self) -> Settings:
        if self.auth == "open" and not is_loopback(self.host):
            raise ValueError(
                f"open mode has no authentication and is refused on {self.host}, which others can reach: "
                "listen on 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _relays(self) -> Settings:
        for name, schemes in (("stun_urls", ("stun", "stuns")), ("turn_urls", ("turn", "turns"))):
            for each in getattr(self, name):
                scheme, _, host = each.partition(":")
                if scheme not in schemes or not host:
                    raise ValueError(f"{name}: {each!r} is no address of that kind: write {schemes[0]}:host:3478")
        if bool(self.turn_urls) != bool(self.turn_secret.get_secret_value()):
            raise ValueError("turn_urls and turn_secret go together: name both, or none")
        return self

    @model_validator(mode="after")
    def _tls(self) -> Settings:
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key: name the certificate, too: tls_cert")
        for name in (self.tls_cert, self.tls_key):
            if name and not Path(name).is_file():
                raise ValueError(f"there is no file {name}, which tls_cert or tls_key names")
        return self

    @property
    def root(self) -> str:
        """The server's address as clients see it, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http{'s' if self.tls_cert else ''}://{host}:{self.port}"

    @property
    def audit_key_path(self) -> Path:
        """The file of the key that signs audit anchors."""
        return Path(self.audit_key or f"{self.store.removeprefix('sqlite:///')}.audit-key.pem")

    @property
    def secrets_key_path(self) -> Path | None:
        """The file of the keys that seal secrets in the store; None for a store that is in memory only."""
        beside = self.store.startswith("sqlite:///")
        default = Path(f"{self.store.removeprefix('sqlite:///')}.secrets-key") if beside else None
        return Path(self.secrets_key) if self.secrets_key else default

    @property
    def required_profiles(self) -> dict[str, tuple[str, ...]]:
        """The profiles that `validate_profiles` demands, by resource type."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self.validate_profiles:
            type, _, url = (part.strip() for part in each.partition("="))
            found[type] = (*found.get(type, ()), url)
        return found

    @property
    def base(self) -> str:
        """The absolute FHIR base URL."""
        return f"{self.root}/fhir"


class SettingsError(ValueError):
    """The settings cannot be used; the text says which and why, a line each."""


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Return the settings; `flags` that are None were not given, `config` names the TOML file.

    Raises SettingsError.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    path = config or (Path(named) if (named := os.environ.get(CONFIG)) else None)
    if path is not None:
        given = {n: v for n, v in _file(path).items() if not os.environ.get(PREFIX + n.upper())} | given
    _refuse_unknown(os.environ)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(each) for each in error.errors())) from None


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SettingsError(f"The settings file {path} is not TOML: {error}.") from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    for name in environment:
        if (
            name.startswith(PREFIX)
            and name != CONFIG
            and name.removeprefix(PREFIX).lower() not in Settings.model_fields
        ):
            raise SettingsError(_unknown(name, [PREFIX + each.upper() for each in Settings.model_fields]))


def _sentence(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(name, list(Settings.model_fields))
    return f"{name}: {message}" if name else message


def _unknown(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    meant = f"; did you mean {close[0]}? docs/settings.md lists them." if close else ": docs/settings.md lists them."
    return f"{name} is no setting of this server{meant}"
