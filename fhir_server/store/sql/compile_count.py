"""Counting what a walk shows.

Of many matches nearly all are shown, and to look at each of them for a reason not to be takes longer than to count
them. So where that is cheaper, the index rows are counted as they are, and what is hidden is counted apart and taken
away: versions that have died, and those with a label that is not for the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from fhir_server.search.query import And, Entry, LastUpdated, Node, Not, Or, Owned, Target
from fhir_server.search.values import fold_code
from fhir_server.store.sql.compile_plan import SAMPLE
from fhir_server.store.sql.compile_select import inner, plan, select
from fhir_server.store.sql.compile_start import Start
from fhir_server.store.sql.compile_test import LAST
from fhir_server.store.sql.compile_visible import World
from fhir_server.store.sql.dialect import Names, Statement, both, container, union
from profiles.restriction import ALL, AllOf, HasLabel, Restriction, narrow
from profiles.restriction import Not as Refused

MOST = 100_000
"""Hidden versions that are counted apart at most."""
MERGED = 4
"""Values whose rows are merged while they are counted, at most; those of more are sorted to tell them apart."""
_OF_ITS_OWN_ROWS = (LastUpdated, Owned, *get_args(Entry))


@dataclass(frozen=True, slots=True)
class Count:
    """A statement of one row and one column; `long` says that there is much to count."""

    statement: Statement
    long: bool = False


def compile_count(target: Target, world: World) -> Count:
    """Return the statement that counts what a walk shows."""
    if target.inner:
        found = inner(world, target)
        counted = f"DISTINCT {container('m.v')}" if target.inner == "container" else "*"
        return Count(Statement(f"SELECT count({counted}) FROM ({found.sql}) m", found.arguments))
    start = plan(world, target.type, target.where, None)[0][0].start
    hidden = _hidden(target, world, start)
    if hidden is None:
        return Count(_count(world, target, start))
    all = _count(replace(world, hides=False), target, start)
    return Count(Statement(f"SELECT ({all.sql}) - ({hidden.sql})", all.arguments + hidden.arguments), long=True)


def _count(world: World, target: Target, start: Start) -> Statement:
    if 1 < len(start.pieces) <= MERGED:
        # Rows that are wanted in order come piece by piece, and pieces in order are merged without sorting.
        found = select(world, target.type, target.where, wanted=LAST)
        return Statement(f"SELECT count(*) FROM ({found.sql} ORDER BY v)", found.arguments)
    found = select(world, target.type, target.where)
    return Statement(f"SELECT count(*) FROM ({found.sql})", found.arguments)


def _hidden(target: Target, world: World, start: Start) -> Statement | None:
    """Count the matches that are not shown; None where that is no shorter than to look at each match."""
    labels = _labels(narrow(world.restriction, target.type))
    kind = world.names.type_id(target.type)
    if labels is None or kind is None or not (world.begins and _of_its_own_rows(target.where)):
        return None
    pieces = [_dead(world), *map(_labelled, labels)]
    if not is_worthwhile(start, pieces, world.names):
        return None
    hidden = union(pieces, "UNION")
    typed = Statement("EXISTS (SELECT 1 FROM idx_type t WHERE t.type = ? AND t.v = h.v)", (kind,))
    found = both(world.until("h"), typed, world.test(world, target.type, target.where, "h"))
    return Statement(f"SELECT count(*) FROM ({hidden.sql}) h WHERE {found.sql}", hidden.arguments + found.arguments)


def is_worthwhile(start: Start, hidden: Sequence[Statement], names: Names) -> bool:
    """Whether there are many rows to count and fewer of what is hidden."""
    if not start.countable or names.estimate(start.counted, SAMPLE) < SAMPLE:
        return False
    few = sum(names.estimate(each, MOST) for each in hidden)
    return few < min(MOST, names.estimate(start.counted, MOST))


def _labels(restriction: Restriction) -> Sequence[HasLabel] | None:
    """Return the labels whose bearers are all that a restriction hides, None where it hides more."""
    match restriction:
        case Refused(HasLabel() as label):
            return [label]
        case AllOf(items):
            each = [_labels(item) for item in items]
            return None if None in each else [label for labels in each for label in labels or ()]
    return [] if restriction == ALL else None


def _dead(world: World) -> Statement:
    return Statement("SELECT d.v AS v FROM dead d WHERE d.died <= ?", (world.position,))


def _labelled(label: HasLabel) -> Statement:
    return Statement(
        "SELECT l.v AS v FROM label l WHERE l.t IN"
        " (SELECT k.t FROM token k WHERE k.fold = ? AND k.system = ? AND k.code = ?)",
        (fold_code(label.code), label.system, label.code),
    )


def _of_its_own_rows(node: Node) -> bool:
    """Whether the rows of a version alone say if it matches, so that it is hidden only for what it is itself."""
    match node:
        case And(nodes) | Or(nodes):
            return all(map(_of_its_own_rows, nodes))
        case Not(one):
            return _of_its_own_rows(one)
    return isinstance(node, _OF_ITS_OWN_ROWS)
