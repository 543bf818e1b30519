"""What every interaction gets and gives back: plain values, no HTTP.

`http/request.py` builds a `Call`, an interaction returns a `Result`, `http/response.py` writes it. Bundle entries build
their own Calls and never go through HTTP.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from auth.policy import Policy as AccessPolicy
from auth.policy_file import default_policy
from auth.rights import EVERYTHING, NO_RIGHTS, Rights
from fhir_server.interactions.hearing import Hearing
from fhir_server.interactions.known import Known
from fhir_server.interactions.profiles import Judge, Policy, core_only
from fhir_server.interactions.subscribing.rules import Rules
from fhir_server.search.remembered import Remembered
from fhir_server.store.base import Key, Snapshot, Store, Transaction
from profiles.issues import Issue
from profiles.packages.catalogue import Catalogue

if TYPE_CHECKING:
    from fhir_server.search.extract import Extractor
    from fhir_server.search.parameters import Registry
    from profiles.validation.validator import Validator

T = TypeVar("T")
Resource = dict[str, Any]
Return = Literal["minimal", "representation", "OperationOutcome"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, and what they may do. In open mode: `ANONYMOUS`.

    `actor` is what their writes are signed with: `Patient/1`, `Practitioner/2`, `Client/x`. `account`, `client` and
    `grant` are ids, `role` that of the account, `purpose` a purpose of use such as `BTG`. `scopes` are what an app's
    token opens, which may be less than its grant. `marks` says that what they change now is only marked, as having been
    read: its author stays who wrote the version before.
    """

    actor: str
    rights: Rights
    account: str | None = None
    client: str | None = None
    grant: str | None = None
    role: str = ""
    purpose: str = ""
    scopes: tuple[str, ...] = ()
    marks: bool = False


ANONYMOUS = Principal("anonymous", EVERYTHING)
UNKNOWN = Principal("unknown", NO_RIGHTS)
"""Who was not let in."""


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Conditional headers (http://hl7.org/fhir/R4/http.html#cond-update).

    `if_match` and `if_none_match` are version ids without `W/"..."`, `*` possible; on a read the latter may name
    several, separated by commas. `if_none_exist` is a search query, `if_modified_since` is microseconds since 1970.
    """

    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: str | None = None
    if_modified_since: int | None = None


NO_PRECONDITIONS = Preconditions()


@dataclass(frozen=True, slots=True)
class Prefer:
    """The Prefer header: what to return after a write, and whether unknown search parameters are errors."""

    returns: Return | None = None
    lenient: bool = False


NO_PREFERENCE = Prefer()


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings that interactions enforce.

    `chain_depth` is how many references a chain may follow, `includes` how many resources `_include` and `_revinclude`
    may add to a page, `definitions` how many value sets and code systems of the store a search may need, and
    `expansion_codes` how many codes a value set may have in it. `delete_matches` is how many resources a conditional
    delete may take, `cursor_lifetime` the age in microseconds up to which a page walk goes on.
    """

    page_default: int = 50
    page_max: int = 1000
    or_values: int = 1000
    chain_depth: int = 8
    includes: int = 10_000
    definitions: int = 100
    expansion_codes: int = 5_000
    patch_operations: int = 1000
    delete_matches: int = 1000
    cursor_lifetime: int = 3_600_000_000


def system_clock() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


async def nothing(*_: object) -> None:
    """Do nothing, where a server that runs would do something."""


@dataclass(frozen=True, slots=True)
class Services:
    """A tenant's parts, handed down by `app.py`.

    `base` is the absolute FHIR base URL without trailing slash, from the settings; `secret` signs page cursors;
    `new_id` makes logical ids; `capabilities` are the facts of this installation that `capabilities` states; `now` is
    the time in microseconds since 1970; `audit_waits` says that an answer waits until its audit row is durable,
    `audit_values` that the row of a search holds the values searched by.
    `learned` is called when SearchParameters were written, `defined` with the keys of other definitions that were,
    `wake_jobs` when there is something to do in the background. `catalogue` has the stored definitions by canonical.
    `remembered` are the searches that were parsed lately, `known` the terminology that was read. `policy` is what
    writes must conform to, `judge` who knows profiles. `reserved` are the definitions that nobody may change.
    `access` is who may do what, `subscribing` what subscriptions may ask for, `hearing` knows who is told of commits.
    `double_booking` says that open Appointments of a practitioner may overlap.
    """

    store: Store
    registry: Registry
    extractor: Extractor
    validator: Validator
    base: str
    secret: bytes
    limits: Limits
    new_id: Callable[[], str]
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    now: Callable[[], int] = system_clock
    audit_waits: bool = False
    audit_values: bool = False
    learned: Callable[[], Awaitable[None]] = nothing
    wake_jobs: Callable[[], None] = lambda: None
    remembered: Remembered = field(default_factory=Remembered)
    policy: Policy = field(default_factory=Policy)
    judge: Judge = core_only
    catalogue: Catalogue = field(default_factory=Catalogue)
    defined: Callable[[Collection[Key]], Awaitable[None]] = nothing
    known: Known = field(default_factory=Known)
    reserved: Collection[Key] = frozenset()
    access: AccessPolicy = field(default_factory=default_policy)
    subscribing: Rules = field(default_factory=Rules)
    hearing: Hearing = field(default_factory=Hearing)
    double_booking: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """Raw content that is not in memory: its `length` in bytes, and what yields its `pieces` from a byte on.

    Every call of `pieces` begins anew.
    """

    length: int
    pieces: Callable[[int], AsyncIterator[bytes]]


@dataclass(slots=True)
class Call:
    """One interaction to perform.

    `compartment` is the (type, id) of the resource in whose compartment to search. `parameters` are the decoded
    (name, value) pairs of the query, protocol ones such as `_format` removed. `resource` is the parsed body. `raw` is
    the body of a JSON Patch, or of an operation that reads it itself, with its `media_type`, `content` what a raw
    Binary brought beside its `resource`; `streams` says that the content of a Binary is taken beside it.
    `transaction` is set inside a transaction Bundle: `write` then joins it. `assigned` is the id such a Bundle has
    chosen for what the call may create, so that its other entries can refer to it; `final` says that its references
    are final and none is absolute below the base, and `links` puts them into what a patch makes. `method` is how an
    operation was asked, `protocol` the parameters that were removed, for links to further pages. `address` is the
    network address the request came from, "" for a command.
    """

    services: Services
    principal: Principal
    request_id: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    resource: Resource | None = None
    raw: bytes | None = None
    media_type: str = "application/fhir+json"
    preconditions: Preconditions = NO_PRECONDITIONS
    prefer: Prefer = NO_PREFERENCE
    transaction: Transaction | None = None
    assigned: str | None = None
    final: bool = False
    links: Callable[[Resource], Resource] | None = None
    content: Content | None = None
    streams: bool = False
    compartment: tuple[str, str] | None = None
    method: str = "GET"
    protocol: Sequence[tuple[str, str]] = ()
    address: str = ""

    def new_id(self) -> str:
        """Return the logical id of what the call creates."""
        return self.assigned or self.services.new_id()

    @property
    def reader(self) -> Snapshot:
        """What to read from: the surrounding transaction, which sees its own writes, or the store."""
        return self.services.store if self.transaction is None else self.transaction

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` inside the surrounding transaction, or as one of its own."""
        if self.transaction is not None:
            return await work(self.transaction)
        return await self.services.store.write(work)


@dataclass(slots=True)
class Result:
    """What an interaction answers.

    Exactly one of `body` (stored JSON bytes, served untouched), `resource` (to be encoded), or neither. `version` is
    the version id for the ETag, `time` microseconds for Last-Modified, `location` relative to the base
    (`Patient/1/_history/2`). `issues` are findings beside success. `patients` are the ids for the audit row. `content`
    is that of a Binary whose `body` comes without it.
    """

    status: int
    body: bytes | None = None
    resource: Resource | None = None
    version: str | None = None
    time: int | None = None
    location: str | None = None
    issues: Sequence[Issue] = ()
    patients: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None
