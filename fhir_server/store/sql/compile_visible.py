"""What exists for a search: versions as of a position, and of those the ones that a restriction allows.

As of position P exist the versions up to P that were not dead by then. A version that has died since is still shown
in its state of then, unless its resource is gone or no longer permitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fhir_server.search.query import Entry, Node
from fhir_server.search.values import fold_code
from fhir_server.store.sql.compile_entry import Access, accesses
from fhir_server.store.sql.compile_rule import is_about, is_attached, is_refused, is_related, of_types
from fhir_server.store.sql.dialect import FALSE, TRUE, Names, Statement, both, container, deeper, either, negated
from profiles import restriction as limits
from profiles.restriction import ALL, Restriction, narrow

Criteria = Callable[[str, tuple[tuple[str, str], ...]], Node]
TestNode = Callable[["World", str, Node, str], Statement]
SelectNode = Callable[["World", str, Node], Statement]


HOLDER = "z"
"""The alias of the version that contains what is searched."""


@dataclass(frozen=True, slots=True)
class World:
    """What a search can see: the versions as of `position` (None: now) that `restriction` allows.

    `criteria` reads the parameters of a restriction; `test` makes the test of a node on the version of an alias, and
    `select` the selection `v` of all versions of a type that match a node. `begins` says that the position is that of
    now, so that nothing can have changed since. Without `hides` what died and what is not allowed can be seen too, by
    who counts it apart.
    """

    names: Names
    criteria: Criteria
    restriction: Restriction
    position: Any
    test: TestNode
    select: SelectNode
    begins: bool = False
    hides: bool = True
    known: dict[tuple[str, int], tuple[Node, list[Access]]] = field(default_factory=dict, compare=False)
    selected: dict[tuple[str, int], tuple[Node, Statement]] = field(default_factory=dict, compare=False)

    def accesses(self, type: str, node: Node, leaves: Sequence[Entry]) -> list[Access]:
        """Return the rows of the `leaves` that `node` is or joins; they are looked up once, however often asked for."""
        key = (type, id(node))
        if key not in self.known:
            # The node is kept as well: another one would get its id once it is gone.
            self.known[key] = node, accesses(type, leaves, self.names)
        return self.known[key][1]

    def shows(self, alias: str, type: str = "") -> Statement:
        """Return the test that the version `<alias>.v`, which has index rows, was alive, and is and was allowed.

        What must be allowed is shorter where its `type` is known.
        """
        return both(self.until(alias), self.allows(alias, type))

    def until(self, alias: str) -> Statement:
        """Return the test that `<alias>.v` is not newer than the position."""
        return TRUE if self.position is None else Statement(f"{alias}.v <= ?", (self.position,))

    def shows_old(self, alias: str) -> Statement:
        """Return the test that a row of `version`, however old, was and is allowed, its resource still there."""
        allowed = compile_restriction(self.restriction, alias, self)
        still = self._still_there(alias, self.restriction)
        newest = f"({alias}.deleted = 0 AND {alias}.v = (SELECT r.current FROM resource r WHERE r.rid = {alias}.rid))"
        # What is newest is allowed now as it was then, so it need not be looked at twice.
        here = Statement(f"({newest} OR EXISTS ({still.sql}))", still.arguments)
        return both(self.until(alias), allowed, here)

    def allows(self, alias: str, type: str = "") -> Statement:
        """Return the same for a version that is known not to be newer than the position."""
        if not self.hides:
            return TRUE
        restriction = narrow(self.restriction, type) if type else self.restriction
        return both(compile_restriction(restriction, alias, self), self._alive(alias, restriction))

    def newest(self, rid: str) -> Statement:
        """Return the row of the newest version of a resource, as an expression."""
        if self.position is None:
            return Statement(f"(SELECT r.current FROM resource r WHERE r.rid = {rid})")
        return Statement(
            f"(SELECT w.v FROM version w WHERE w.rid = {rid} AND w.v <= ? ORDER BY w.number DESC LIMIT 1)",
            (self.position,),
        )

    def allows_holder(self, alias: str) -> Statement:
        """Return the test that the container of the contained resource `<alias>.v` existed, and is and was allowed."""
        shown = self.shows(HOLDER)
        return Statement(
            f"EXISTS (SELECT 1 FROM version {HOLDER} WHERE {HOLDER}.v = {container(f'{alias}.v')} AND {shown.sql})",
            shown.arguments,
        )

    def _alive(self, alias: str, restriction: Restriction) -> Statement:
        if self.position is None:
            return Statement(f"NOT EXISTS (SELECT 1 FROM dead d WHERE d.v = {alias}.v)")
        if self.begins:
            return Statement(
                f"NOT EXISTS (SELECT 1 FROM dead d WHERE d.v = {alias}.v AND d.died <= ?)", (self.position,)
            )
        still = self._still_there(alias, restriction)
        return Statement(
            f"coalesce((SELECT d.died > ? AND EXISTS ({still.sql}) FROM dead d WHERE d.v = {alias}.v), 1)",
            (self.position, *still.arguments),
        )

    def _still_there(self, alias: str, restriction: Restriction) -> Statement:
        """Select something when the resource of a version is not deleted now, and allowed."""
        allowed = compile_restriction(restriction, "c", self)
        return Statement(
            "SELECT 1 FROM version b CROSS JOIN resource r ON r.rid = b.rid CROSS JOIN version c ON c.v = r.current"
            f" WHERE b.v = {alias}.v AND c.deleted = 0 AND {allowed.sql}",
            allowed.arguments,
        )


def compile_restriction(restriction: Restriction, alias: str, world: World) -> Statement:
    """Return the test that `restriction` allows the version `<alias>.v`.

    Criteria are asked of index rows. Where a version has none (an old one, a tombstone) they are neither true nor
    false but NULL, and so is their negation: nothing is shown that might not be allowed.
    """
    match restriction:
        case limits.All():
            return TRUE
        case limits.Nothing():
            return FALSE
        case limits.AnyOf(items):
            return either(*(compile_restriction(each, alias, world) for each in sorted(items, key=_cost)))
        case limits.AllOf(items):
            return both(*(compile_restriction(each, alias, world) for each in sorted(items, key=_cost)))
        case limits.Not(item):
            return negated(compile_restriction(item, alias, world))
        case limits.InCompartment(type, id):
            return in_compartment(type, id, f"{alias}.v", world.names)
        case limits.HasLabel(system, code):
            return _has_label(system, code, f"{alias}.v")
        case limits.WrittenBy(author):
            return _written_by(author, f"{alias}.v")
        case limits.Matches(type, parameters):
            return _meets(type, parameters, alias, world)
        case limits.OfTypes(types):
            return of_types(types, f"{alias}.v")
        case limits.About(patient):
            return is_about(patient, f"{alias}.v", world.names)
        case limits.Related():
            return is_related(restriction, f"{alias}.v")
        case limits.Consented():
            return negated(is_refused(restriction, f"{alias}.v"))
        case limits.Attached(within):
            return _is_attached(within, alias, world)


def _is_attached(within: Restriction, alias: str, world: World) -> Statement:
    holder = deeper(alias)
    return is_attached(f"{alias}.v", holder, compile_restriction(within, holder, world))


def _cost(restriction: Restriction) -> int:
    """Rank restrictions by what it takes to test them: what is decided by a look at one row comes before the rest."""
    match restriction:
        case limits.AnyOf(items) | limits.AllOf(items):
            return sum(map(_cost, items))
        case limits.Not(item):
            return _cost(item)
        case limits.WrittenBy() | limits.OfTypes() | limits.All() | limits.Nothing():
            return 1
        case limits.InCompartment() | limits.HasLabel() | limits.About():
            return 2
    return 8


def _meets(type: str, parameters: tuple[tuple[str, str], ...], alias: str, world: World) -> Statement:
    number = world.names.type_id(type)
    if number is None:
        return FALSE
    # What a restriction asks of other resources is asked of all there are now: it must not depend on itself.
    everything = replace(world, restriction=ALL, position=None, begins=False, selected={})
    met = world.test(everything, type, world.criteria(type, parameters), alias)
    return Statement(
        f"(SELECT CASE WHEN o.type <> ? THEN 0 WHEN EXISTS (SELECT 1 FROM idx_type t WHERE t.type = ? AND t.v = o.v)"
        f" THEN {met.sql} END FROM version o WHERE o.v = {alias}.v)",
        (number, number, *met.arguments),
    )


def in_compartment(type: str, id: str, v: str, names: Names) -> Statement:
    """Return the test that version `v` belongs to the compartment of a resource."""
    rid = names.resource_id(type, id)
    if rid is None:
        return FALSE
    return Statement(f"EXISTS (SELECT 1 FROM owner o WHERE o.v = {v} AND o.rid = ?)", (rid,))


def _has_label(system: str, code: str, v: str) -> Statement:
    # From the labels of the version to their names: nearly none has any.
    return Statement(
        f"EXISTS (SELECT 1 FROM label l CROSS JOIN token k ON k.t = l.t WHERE l.v = {v} AND k.fold = ?"
        " AND k.system = ? AND k.code = ?)",
        (fold_code(code), system, code),
    )


def _written_by(author: str, v: str) -> Statement:
    number = "SELECT a.id FROM author a WHERE a.name = ?"
    return Statement(f"EXISTS (SELECT 1 FROM version w WHERE w.v = {v} AND w.author_id = ({number}))", (author,))
