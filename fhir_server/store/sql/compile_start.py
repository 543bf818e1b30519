"""The ways to start a search: the rows of one index table that every match must be among.

What every match must have can be started from: a conjunct of the query, the compartment that the restriction keeps
everything inside, the two together where a patient and a code are asked for, and at worst the table of the type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fhir_server.search.query import Chain, Has, Hierarchy, Id, Node, Or, Owned, Reference, Together, Words
from fhir_server.search.values import is_inner
from fhir_server.store.sql.compile_entry import SCANS, Access, accesses, leaves
from fhir_server.store.sql.compile_hop import (
    PATIENT,
    along,
    coded,
    few_pointed_at,
    few_pointing_at,
    patient_of,
    pointed_at,
    pointing_at,
)
from fhir_server.store.sql.compile_reach import reached
from fhir_server.store.sql.compile_test import matching_words
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import FALSE, TRUE, Names, Statement, in_footprint, placeholders, union
from profiles.restriction import About, AllOf, InCompartment, Restriction, narrow

FEW = 2000
"""Resources of an inner search that an estimate of the outer one looks at."""
_EMPTY = Statement("idx_type x WHERE 0")
_OWNED, _CODED = 3, 1
_REACH = 8
WHOLE_TYPE = 9
"""The rank of all there is of a type."""


@dataclass(frozen=True, slots=True)
class Start:
    """`<table> x WHERE <condition>`; `node` is the conjunct that every row of it satisfies.

    `label` says for people what it is. `rank` orders starts from likely few rows to likely many; `ordered` says they
    come in order of `v`; `unique` that no `v` comes twice; `countable` that the first of them are found without reading
    many others. `sample` are rows to count in their place where counting them would cost as much as reading them all.
    `pieces` are the same rows in several parts, each in order of `v`. `hints` are tests on columns of the row itself
    which show, where they hold, that another conjunct does; `dated` says that the columns `low` and `high` are there.
    `tested` is the alias whose `v` all else is asked of. `unmerged` are the same rows where SQLite must read them by
    themselves: merged into what sorts several kinds of matches together, a full text search would be one that FTS5
    cannot do.
    """

    rows: Statement
    label: str
    node: Node | None = None
    rank: int = 0
    ordered: bool = True
    unique: bool = False
    countable: bool = True
    sample: Statement | None = None
    pieces: Sequence[Statement] = ()
    hints: Sequence[tuple[Node, Statement]] = ()
    dated: bool = False
    tested: str = "x"
    unmerged: Statement | None = None

    def hint(self, node: Node) -> Statement:
        """Return what shows in the row itself that `node` holds."""
        return next((shown for hinted, shown in self.hints if hinted is node), FALSE)

    @property
    def counted(self) -> Statement:
        """The rows to count."""
        rows = self.sample or self.rows
        return Statement(f"SELECT 1 FROM {rows.sql}", rows.arguments)


def starts(world: World, type: str, conjuncts: Sequence[Node]) -> list[Start]:
    """Return every way to start; only one that cannot be bettered where there is such a one."""
    names = world.names
    if is_inner(type):
        # Compartments and ids of stored resources lead to versions, not to what they contain.
        inner = [each for each in conjuncts if not isinstance(each, Owned | Id | Has)]
        return [*_from_conjuncts(world, type, inner), _whole_type(names, type)]
    best = _by_id(names, type, conjuncts)
    if best is not None:
        return [best]
    owned = list(_from_owners(world, type, conjuncts))
    coded_rows = [each for each in owned if each.rank == _CODED]
    if coded_rows:
        # What one patient has of one code is hardly ever more than a few rows.
        return coded_rows[:1]
    return [*_from_conjuncts(world, type, conjuncts), *owned, *_from_reach(world, type), _whole_type(names, type)]


def _by_id(names: Names, type: str, conjuncts: Sequence[Node]) -> Start | None:
    for node in conjuncts:
        if isinstance(node, Id):
            numbers = [rid for rid in (names.resource_id(type, id) for id in node.ids) if rid is not None]
            if not numbers:
                return Start(_EMPTY, "nothing: no such id", node)
            listed = Statement(f"version x WHERE x.rid {placeholders(numbers)}", tuple(numbers))
            return Start(_of_type(names, type, listed), "ids", node, ordered=False)
    return None


def _from_conjuncts(world: World, type: str, conjuncts: Sequence[Node]) -> Iterator[Start]:
    for node in conjuncts:
        match node:
            case Chain():
                yield _from_chain(world, type, node, node, pointing_at(world, type, node))
            case Has():
                yield _from_has(world, type, node)
            case Hierarchy():
                yield _from_access(node, along(world, type, node))
            case Words():
                yield _from_words(world, type, node)
            case Owned():
                yield _from_compartment(world.names, type, node.type, node.id, node)
            case Together(parts):
                # The rows of one part; that they go together is still to be tested.
                for part in parts:
                    yield from _from_entries(accesses(type, part, world.names), None)
            case Or(nodes) if any(isinstance(each, Chain) for each in nodes):
                yield from _from_chains(world, type, node)
            case _:
                entries = node.nodes if isinstance(node, Or) else (node,)
                plain = leaves(entries)
                if len(plain) == len(entries):
                    yield from _from_entries(world.accesses(type, node, plain), node)


def _from_words(world: World, type: str, node: Words) -> Start:
    found = matching_words(node)
    rows, unmerged = (
        _of_type(world.names, type, Statement(f"({found.sql}{end}) x WHERE 1", found.arguments))
        for end in ("", " LIMIT -1")
    )
    return Start(rows, "full text", node, 5, unique=True, unmerged=unmerged)


def _from_chains(world: World, type: str, node: Or) -> Iterator[Start]:
    """Start from several chains, and from entries of what is contained: those that there are in the store."""
    plain = leaves(node.nodes)
    chains = [each for each in node.nodes if isinstance(each, Chain)]
    if len(plain) + len(chains) < len(node.nodes):
        return
    found = accesses(type, plain, world.names)
    ways = [(each, access) for each in chains if (access := pointing_at(world, type, each)) is not None]
    if len(ways) == 1 and not found:
        yield _from_chain(world, type, ways[0][0], node, ways[0][1])
        return
    if not found and not ways:
        yield Start(_EMPTY, "nothing: no such reference", node)
    elif all(access.table for access in found):
        few = [few_pointing_at(world, type, each, FEW) for each, _ in ways]
        sample = [*found, *(each for each in few if each is not None)]
        start = _of_accesses(node, [*found, *(access for _, access in ways)])
        yield replace(start, sample=_any_of(sample)) if len(sample) > 1 else start


def _from_chain(world: World, type: str, chain: Chain, node: Node, access: Access | None) -> Start:
    few = None if access is None or access.each else few_pointing_at(world, type, chain, FEW)
    return _from_access(node, access, few)


def _from_entries(found: Sequence[Access], node: Node | None) -> Iterator[Start]:
    if not found:
        yield Start(_EMPTY, "nothing: no such value", node)
    elif all(access.table for access in found):
        yield _of_accesses(node, found)


def _of_accesses(node: Node | None, found: Sequence[Access]) -> Start:
    if len(found) == 1:
        return _from_access(node, found[0])
    rank = max(access.rank for access in found)
    return Start(_any_of(found), "several indexes", node, rank, ordered=False, countable=rank < SCANS)


def _any_of(found: Sequence[Access]) -> Statement:
    together = union([_versions(access) for access in found])
    return Statement(f"({together.sql}) x WHERE 1", together.arguments)


def _from_access(node: Node | None, access: Access | None, sample: Access | None = None) -> Start:
    if access is None:
        return Start(_EMPTY, "nothing: no such reference", node)
    few = None if sample is None else _table(sample)
    return Start(
        _table(access),
        access.table,
        node,
        access.rank,
        access.ordered,
        countable=access.countable,
        sample=few,
        pieces=access.pieces,
    )


def _table(access: Access) -> Statement:
    rows = access.rows("x")
    return Statement(f"{access.table} x WHERE {rows.sql}", rows.arguments)


def _versions(access: Access) -> Statement:
    rows = access.rows("i")
    return Statement(f"SELECT i.v FROM {access.table} i WHERE {rows.sql}", rows.arguments)


def _from_has(world: World, type: str, node: Has) -> Start:
    found, few = pointed_at(world, node), few_pointed_at(world, node, FEW)
    if found is None or few is None:
        return Start(_EMPTY, "nothing: no such reference", node)
    rows = _of_type(world.names, type, Statement(f"version x WHERE x.rid IN ({found.sql})", found.arguments))
    # What it costs are the resources that refer, not those that they refer to.
    sample = Statement(f"({few.sql}) x WHERE 1", few.arguments)
    return Start(rows, "referring resources", node, 6, ordered=False, sample=sample)


def _from_owners(world: World, type: str, conjuncts: Sequence[Node]) -> Iterator[Start]:
    """Start from what belongs to a patient: from the rows of a code there, or from the whole compartment."""
    inside = _owners_of(narrow(world.restriction, type))
    for owner, id in inside:
        yield _from_compartment(world.names, type, owner, id, None)
    patients = [patient_of(world, type, node) for node in conjuncts]
    owners = [(each.type, each.id) for each in conjuncts if isinstance(each, Owned)]
    patients += [world.names.resource_id(PATIENT, id) for owner, id in (*owners, *inside) if owner == PATIENT]
    known = [rid for rid in patients if rid is not None]
    for node in conjuncts if known else ():
        access = coded(world, type, node)
        if access is not None:
            rows = access.rows("x")
            yield Start(
                Statement(f"idx_owned x WHERE x.rid = ? AND {rows.sql}", (known[0], *rows.arguments)),
                "idx_owned",
                node,
                _CODED,
                ordered=False,
                unique=access.ordered,
                hints=tuple(_hints(world, type, conjuncts, known[0])),
                dated=True,
            )


def _from_reach(world: World, type: str) -> Iterator[Start]:
    """Start from what the caller may see at all, where that can be looked up: for who sees some patients of many."""
    restriction = narrow(world.restriction, type)
    rows = None if _owners_of(restriction) else reached(restriction, world.names.type_id(type) or 0, world.names)
    if rows is not None and world.names.is_large(type):
        found = _of_type(world.names, type, Statement(f"({rows.sql}) x WHERE 1", rows.arguments))
        yield Start(found, "what is within reach", rank=_REACH, ordered=False)


def _owners_of(restriction: Restriction) -> list[tuple[str, str]]:
    """Return resources to whose compartments each version belongs that `restriction` allows."""
    kept = restriction.items if isinstance(restriction, AllOf) else (restriction,)
    inside = [(each.type, each.id) for each in kept if isinstance(each, InCompartment)]
    return inside + [(PATIENT, each.patient) for each in kept if isinstance(each, About)]


def _hints(world: World, type: str, conjuncts: Sequence[Node], patient: int) -> Iterator[tuple[Node, Statement]]:
    """Yield the references to `patient` that are asked for, with what shows that a row is there by that reference."""
    for node in conjuncts:
        if isinstance(node, Reference) and not node.version and patient_of(world, type, node) == patient:
            yield node, Statement("x.via = ?", (world.names.param_id(type, node.name),))


def _from_compartment(names: Names, type: str, owner: str, id: str, node: Node | None) -> Start:
    rid = names.resource_id(owner, id)
    if rid is None:
        return Start(_EMPTY, "nothing: no such compartment", node)
    # What is asked of the inner row is asked of the right type only; of the outer one it would be asked of all.
    rows = "owner x CROSS JOIN idx_type x0 WHERE x.rid = ? AND x0.type = ? AND x0.v = x.v"
    return Start(Statement(rows, (rid, names.type_id(type) or 0)), "owner", node, _OWNED, tested="x0")


def _of_type(names: Names, type: str, rows: Statement) -> Statement:
    """Keep the versions of the type that search can find: those with index rows."""
    if is_inner(type):
        every = in_footprint("x.v", names.param_id(type, "_id") or 0, "t", TRUE)
        return Statement(f"{rows.sql} AND {every.sql}", rows.arguments + every.arguments)
    indexed = "EXISTS (SELECT 1 FROM idx_type y WHERE y.type = ? AND y.v = x.v)"
    return Statement(f"{rows.sql} AND {indexed}", (*rows.arguments, names.type_id(type) or 0))


def _whole_type(names: Names, type: str) -> Start:
    if is_inner(type):
        # Each of them has one row of its id, and none of its type.
        ids = Statement("idx_token x WHERE x.p = ?", (names.param_id(type, "_id") or 0,))
        return Start(ids, "ids of contained resources", rank=WHOLE_TYPE, ordered=False, unique=True)
    number = names.type_id(type)
    if number is None:
        return Start(_EMPTY, "nothing: no such type")
    return Start(
        Statement("idx_type x WHERE x.type = ?", (number,)), "idx_type", rank=WHOLE_TYPE, unique=True, countable=False
    )
