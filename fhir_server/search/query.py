"""The query tree: what `parse` makes of a URL, what the compiler makes SQL of, what `match` defines.

A leaf asks one version of a resource for index entries: it names an index form (see `values`) and holds values that are
already normalized. `Chain`, `Has` and `Hierarchy` look at other resources, each as visible to the caller as what is
searched: as of the same position, and under the same restriction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fhir_server.search.values import inner_kind
from profiles.terminology.selection import Selection

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
SortKind = Literal["token", "string", "reference", "uri", "date", "number", "quantity", "id", "updated"]


@dataclass(frozen=True, slots=True)
class And:
    """Every one of `nodes`; true when empty."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of `nodes`; false when empty."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `node` does not match."""

    node: Node


@dataclass(frozen=True, slots=True)
class Token:
    """A token entry; `system` None means any, "" means none; `code` None means any code of the system.

    Codes compare without case unless `case_sensitive`.
    """

    name: str
    system: str | None
    code: str | None
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Selected:
    """A token entry of one of `systems` whose code is that of a selected concept; codes compare without case."""

    name: str
    systems: tuple[str, ...]
    selection: Selection


@dataclass(frozen=True, slots=True)
class String:
    """A string entry: `exact` compares `text` with all of the exact form, the others with the normal one: with its
    beginning, any part, its end, or all of it (`whole`)."""

    name: str
    text: str
    mode: Literal["prefix", "contains", "suffix", "whole", "exact"] = "prefix"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference entry to `type`/`id`; `version` 0 means any version."""

    name: str
    type: str
    id: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri entry; `version` "" means any version; `below` finds the URIs that start with `uri`, `above` the ones that
    `uri` starts with: itself, and each part of it that ends before a slash.

    With a version, `below` finds this very URI in that version or one that goes on from it: "1" is "1" and "1.1", not
    "10".
    """

    name: str
    uri: str
    version: str = ""
    mode: Literal["exact", "below", "above"] = "exact"


@dataclass(frozen=True, slots=True)
class Date:
    """A date entry compared with the closed range `low`..`high` by the rules of `prefix`."""

    name: str
    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number entry compared with `low`..`high` (`decimal_key`s) by the rules of `prefix`.

    For `eq`, `ne` and `ap` they are the bounds that the digits given stand for, `high` excluded in the first two; for
    the other prefixes both are the number itself.
    """

    name: str
    prefix: Prefix
    low: bytes
    high: bytes


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity entry: its number as in `Number`, its unit as in `Token` but with case."""

    name: str
    prefix: Prefix
    low: bytes
    high: bytes
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """A position entry at most `metres` away from a point in units of 1e-7 degree (`geometry.distance`)."""

    name: str
    latitude: int
    longitude: int
    metres: float


@dataclass(frozen=True, slots=True)
class Present:
    """Any entry of the parameter called `name`, whatever its form (`code`, `code:text`).

    With a `target`, only a reference to a resource of that type, here or on another server.
    """

    name: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """Entries of one instance: for each of `parts` any of its entries, all in the same group (not APART)."""

    parts: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Full text: `phrases` must all be there. `narrative` looks at the narrative alone, else at everything.

    A phrase is a row of folded words next to each other; `open` lets its last word go on with further letters.
    """

    phrases: tuple[tuple[tuple[str, ...], bool], ...]
    narrative: bool = False


@dataclass(frozen=True, slots=True)
class Id:
    """Resources whose logical id is one of `ids`."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastUpdated:
    """Versions whose time compares with `low`..`high` by the rules of `prefix`."""

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Owned:
    """Versions in the compartment of the resource `type`/`id`."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Canonical:
    """How canonical URLs lead to resources of `type`: by their uri entries called `url` and token entries `version`.

    A canonical with a version leads to a resource that has both, one without to any version. Of several resources the
    one updated last counts: the one with the highest row.
    """

    type: str
    url: str
    version: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A reference entry `name` to a resource of `type` that matches `node`.

    With `by`, a canonical that leads to one.
    """

    name: str
    type: str
    node: Node
    by: Canonical | None = None


@dataclass(frozen=True, slots=True)
class Has:
    """A resource of `type` that matches `node` and has a reference entry `name` to this one.

    With `by`, it has a canonical that leads to this one.
    """

    type: str
    name: str
    node: Node
    by: Canonical | None = None


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A reference entry `name` to `type`/`id` or to one below (above) it, where `along` is the reference upwards.

    `Location?partof:below=1` is Hierarchy("partof", "Location", "1", "partof").
    """

    name: str
    type: str
    id: str
    along: str
    above: bool = False


Entry = Token | Selected | String | Reference | Uri | Date | Number | Quantity | Near | Present
Node = And | Or | Not | Entry | Together | Words | Id | LastUpdated | Owned | Chain | Has | Hierarchy

EVERYTHING = And(())
NOTHING = Or(())


@dataclass(frozen=True, slots=True)
class Target:
    """One resource type of a search, with what must hold there.

    With `inner`, what is searched are the resources of that type which others contain, and `where` is of the form that
    `parse_contained.of_contained` gives it. A match is each of them, or each resource that contains one ("container"):
    the first one then stands for all it contains, and resources of the type that match `beside` themselves are left
    out.
    """

    type: str
    where: Node = EVERYTHING
    inner: Literal["", "contained", "container"] = ""
    beside: Node | None = None

    @property
    def kind(self) -> str:
        """What the entries it is about are told by."""
        return inner_kind(self.type) if self.inner else self.type


@dataclass(frozen=True, slots=True)
class Sort:
    """An order by the entries called one of `names`: by folded text or code, `Type/id`, number, or instant.

    A version with several entries counts with the one that comes first in that order, a range with its beginning, or
    in descending order with its end. Versions without any come last in either direction. With a `target`, only
    references to resources of that type count. `id` orders by logical id, `updated` by commit; neither has names.
    """

    kind: SortKind
    names: tuple[str, ...] = ()
    descending: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A search of some types: at most `count` matches after the row `after`, as of commit `position`.

    `position` None means the newest. Matches come in the order of `sort`; those that are equal in it, and all of them
    without it, come in the order of their rows, which is the order of commits. `total` asks for the number of all
    matches as well, where the first page cannot be found without meeting them all.
    """

    targets: tuple[Target, ...]
    count: int = 100
    after: int = 0
    position: int | None = None
    sort: tuple[Sort, ...] = ()
    total: bool = False

    @property
    def mixed(self) -> bool:
        """Whether both stored and contained resources are searched: without an order, those come by commits too."""
        return len({bool(target.inner) for target in self.targets}) > 1

    @property
    def inner(self) -> bool:
        """Whether contained resources are searched."""
        return any(target.inner for target in self.targets)

    @property
    def order(self) -> tuple[Sort, ...]:
        """What matches are sorted by, before the order of their rows decides."""
        return self.sort or ((Sort("updated"),) if self.mixed else ())


@dataclass(frozen=True, slots=True)
class Include:
    """What to add to matches: along the reference entries called `names` of resources of type `source`.

    Forward, the resources they point to, of type `target` if one is given; with `reverse`, resources of type `source`
    that point to a match, which is of type `target` if one is given. `canonicals` say where the canonical URLs among
    them lead. `iterate` goes on from what was added. `asked` is the parameter as it was asked for, for messages; `any`
    says that it named neither source nor target, so that types which the caller may not search are passed over.
    """

    source: str
    names: tuple[str, ...]
    target: str = ""
    reverse: bool = False
    iterate: bool = False
    canonicals: tuple[Canonical, ...] = ()
    asked: str = field(default="", compare=False)
    any: bool = field(default=False, compare=False)
