"""One leaf of a query tree against the index tables: as rows to start from, and as a test of one version.

A leaf that pins the leading columns of a primary key up to `v` is tested by a point lookup there. Ranges and prefixes
have no such lookup, so they are tested on the version's footprint, its own index rows as one JSON value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fhir_server.search.geometry import latitudes
from fhir_server.search.match_entry import ancestors
from fhir_server.search.query import (
    And,
    Date,
    Entry,
    Near,
    Node,
    Number,
    Present,
    Quantity,
    Reference,
    Selected,
    String,
    Token,
    Uri,
)
from fhir_server.search.values import STATED, fold_code, normal
from fhir_server.store.sql.compile_concepts import coded
from fhir_server.store.sql.compile_measure import RANKS, dates, numbers
from fhir_server.store.sql.dialect import (
    GROUP,
    TRUE,
    Names,
    Statement,
    contains,
    either,
    from_footprint,
    in_footprint,
    placeholders,
)

SPLIT = 64
"""Values whose rows are merged in order of `v` at most."""
SCANS = 7
"""From this rank on the first rows are not found without reading many others."""


@dataclass(frozen=True, slots=True)
class Access:
    """The rows of one index table that match; without a `table` it can only be tested.

    `condition` has `{}` where the table's alias goes. `test` is the same on a row of the footprint, in the table
    `letter` ("" for any); it is how one version is tested unless it is `pinned`, which says that a point lookup by `v`
    serves. `rank` orders accesses from likely few rows to likely many; `ordered` says they come in order of `v`. `each`
    are the numbers of the values that are looked for, where nothing else is.
    """

    table: str
    condition: str
    arguments: tuple[Any, ...]
    rank: int
    param: int
    letter: str
    test: Statement
    pinned: bool = False
    ordered: bool = False
    each: tuple[int, ...] = ()

    @property
    def pieces(self) -> list[Statement]:
        """The rows of each of several values apart, `<table> x WHERE <condition>`: each piece is in order of `v`."""
        if not 1 < len(self.each) <= SPLIT:
            return []
        column = "t" if self.letter == "t" else "rid"
        return [Statement(f"{self.table} x WHERE x.p = ? AND x.{column} = ?", (self.param, one)) for one in self.each]

    @property
    def countable(self) -> bool:
        """Whether the first rows are found without reading many others."""
        return self.rank < SCANS

    def rows(self, alias: str) -> Statement:
        """Return the condition on rows called `alias`."""
        return Statement(self.condition.replace("{}", alias), self.arguments)

    def holds(self, v: str) -> Statement:
        """Return the test that version `v` has such a row."""
        if not self.pinned:
            return in_footprint(v, self.param, self.letter, self.test)
        found = self.rows("i")
        return Statement(f"EXISTS (SELECT 1 FROM {self.table} i WHERE {found.sql} AND i.v = {v})", found.arguments)

    def groups(self, v: str) -> Statement:
        """Select the groups of the rows of version `v`, as a column called `v` like in every compound."""
        return from_footprint(f"{GROUP} AS v", v, self.param, self.letter, self.test)


def accesses(type: str, entries: Sequence[Entry], names: Names) -> list[Access]:
    """Return how to find versions of `type` that have any of `entries`; entries that nothing can have are left out."""
    found: list[Access] = []
    for (_, name), same in groupby(sorted(entries, key=_kind), key=_kind):
        leaves = list(same)
        if isinstance(leaves[0], Present):
            found += [each for leaf in leaves if isinstance(leaf, Present) for each in _present(type, leaf, names)]
            continue
        param = names.param_id(type, name)
        if param is None:
            continue
        found += _tokens(param, [each for each in leaves if isinstance(each, Token)], names)
        found += _references(param, [each for each in leaves if isinstance(each, Reference)], names)
        for leaf in leaves:
            if not isinstance(leaf, Token | Reference | Present):
                found.append(_alone(param, leaf))
    return found


def _alone(param: int, leaf: Selected | String | Uri | Date | Number | Quantity | Near) -> Access:
    match leaf:
        case Selected():
            return _selected(param, leaf)
        case String():
            return _string(param, leaf)
        case Uri():
            return _uri(param, leaf)
        case Date():
            return _date(param, leaf)
        case Number():
            return _number(param, leaf)
        case Quantity():
            return _quantity(param, leaf)
        case Near():
            return _near(param, leaf)


def holds(found: Sequence[Access], v: str) -> Statement:
    """Return the test that version `v` has a row of any of the accesses; its footprint is read once for each form."""
    tests: dict[tuple[int, str], list[Statement]] = {}
    for access in found:
        if not access.pinned:
            tests.setdefault((access.param, access.letter), []).append(access.test)
    return either(
        *(access.holds(v) for access in found if access.pinned),
        *(in_footprint(v, param, letter, either(*same)) for (param, letter), same in tests.items()),
    )


def leaves(nodes: Sequence[Node]) -> list[Entry]:
    """Return those of `nodes` that ask for entries of the version itself."""
    return [each for each in nodes if isinstance(each, Entry)]


def conjuncts(node: Node) -> list[Node]:
    """Return the nodes all of which must match: those of `node` where it is an And, else itself."""
    if isinstance(node, And):
        return [part for each in node.nodes for part in conjuncts(each)]
    return [node]


def _kind(entry: Entry) -> tuple[str, str]:
    return entry.__class__.__name__, entry.name


def _tokens(param: int, leaves: list[Token], names: Names) -> list[Access]:
    found: list[Access] = []
    numbers: dict[int, None] = {}
    for leaf in leaves:
        if leaf.code is None:
            found.append(_of_system(param, leaf.system or ""))
        elif leaf.case_sensitive:
            found.append(_exact_token(param, leaf.system, leaf.code))
        else:
            numbers.update(dict.fromkeys(names.token_ids(leaf.code, leaf.system)))
    if numbers:
        chosen = placeholders(tuple(numbers))
        test = Statement(f"e.value ->> 1 {chosen}", tuple(numbers))
        condition = f"{{}}.p = ? AND {{}}.t {chosen}"
        one, each = len(numbers) == 1, tuple(numbers)
        found.append(Access("idx_token", condition, (param, *each), 2, param, "t", test, True, one, each))
    return found


def _of_system(param: int, system: str) -> Access:
    condition = "{}.p = ? AND {}.t IN (SELECT k.t FROM token k WHERE k.system = ?)"
    test = Statement("EXISTS (SELECT 1 FROM token k WHERE k.t = e.value ->> 1 AND k.system = ?)", (system,))
    return Access("idx_token", condition, (param, system), SCANS, param, "t", test)


def _selected(param: int, leaf: Selected) -> Access:
    # Started from the codes that the store has met, which are few: those of a terminology can be millions.
    chosen = coded(leaf.selection, "k.fold")
    there = Statement(f"k.system {placeholders(leaf.systems)} AND {chosen.sql}", (*leaf.systems, *chosen.arguments))
    condition = f"{{}}.p = ? AND {{}}.t IN (SELECT k.t FROM token k WHERE {there.sql})"
    test = Statement(f"EXISTS (SELECT 1 FROM token k WHERE k.t = e.value ->> 1 AND {there.sql})", there.arguments)
    return Access("idx_token", condition, (param, *there.arguments), SCANS, param, "t", test)


def _exact_token(param: int, system: str | None, code: str) -> Access:
    narrowed = "" if system is None else " AND k.system = ?"
    chosen = f"IN (SELECT k.t FROM token k WHERE k.fold = ? AND k.code = ?{narrowed})"
    arguments = (fold_code(code), code) if system is None else (fold_code(code), code, system)
    test = Statement(f"e.value ->> 1 {chosen}", arguments)
    condition = f"{{}}.p = ? AND {{}}.t {chosen}"
    return Access("idx_token", condition, (param, *arguments), 2, param, "t", test, pinned=True)


def _references(param: int, leaves: list[Reference], names: Names) -> list[Access]:
    found: list[Access] = []
    numbers: dict[int, None] = {}
    for leaf in leaves:
        rid = names.resource_id(leaf.type, leaf.id)
        if rid is not None and leaf.version:
            arguments = (rid, leaf.version)
            found.append(
                Access(
                    "idx_reference",
                    "{}.p = ? AND {}.rid = ? AND {}.version = ?",
                    (param, *arguments),
                    1,
                    param,
                    "r",
                    Statement("e.value ->> 1 = ? AND e.value ->> 2 = ?", arguments),
                    pinned=True,
                    ordered=True,
                )
            )
        elif rid is not None:
            numbers[rid] = None
    if numbers:
        found.append(to_resources(param, tuple(numbers)))
    return found


def to_resources(param: int, rids: tuple[int, ...]) -> Access:
    """Return the rows of references of `param` to any of the resources `rids`."""
    chosen = placeholders(rids)
    test = Statement(f"e.value ->> 1 {chosen}", rids)
    condition = f"{{}}.p = ? AND {{}}.rid {chosen}"
    return Access("idx_reference", condition, (param, *rids), 1, param, "r", test, True, len(rids) == 1, rids)


def _string(param: int, leaf: String) -> Access:
    if leaf.mode == "exact":
        bounds = (normal(leaf.text), leaf.text)
        test = Statement("e.value ->> 1 = ? AND e.value ->> 2 = ?", bounds)
        condition = "{}.p = ? AND {}.norm = ? AND {}.exact = ?"
        return Access("idx_string", condition, (param, *bounds), 4, param, "s", test, pinned=True, ordered=True)
    if leaf.mode == "contains":
        test = Statement(contains("e.value ->> 1"), (leaf.text,))
        return Access(
            "idx_string", f"{{}}.p = ? AND {contains('{}.norm')}", (param, leaf.text), SCANS, param, "s", test
        )
    if leaf.mode == "whole":
        test = Statement("e.value ->> 1 = ? AND e.value ->> 2 <> ''", (leaf.text,))
        whole = "{}.p = ? AND {}.norm = ? AND {}.exact <> ''"
        return Access("idx_string", whole, (param, leaf.text), 4, param, "s", test)
    if leaf.mode == "suffix":
        end = (len(leaf.text), leaf.text)
        test = Statement("substr(e.value ->> 1, -?) = ?", end)
        return Access("idx_string", "{}.p = ? AND substr({}.norm, -?) = ?", (param, *end), SCANS, param, "s", test)
    rows, arguments = _prefix("{}.norm", leaf.text)
    test = Statement(_prefix("e.value ->> 1", leaf.text)[0], arguments)
    return Access("idx_string", f"{{}}.p = ? AND {rows}", (param, *arguments), 5, param, "s", test)


def _prefix(column: str, text: str) -> tuple[str, tuple[str, ...]]:
    end = after(text)
    if end is None:
        return f"{column} >= ?", (text,)
    return f"{column} >= ? AND {column} < ?", (text, end)


def after(text: str) -> str | None:
    """Return the least string above all that start with `text`, None when there is none."""
    for at in range(len(text) - 1, -1, -1):
        point = ord(text[at]) + 1
        if point <= 0x10FFFF:
            # Between U+D7FF and U+E000 there are no characters.
            return text[:at] + chr(0xE000 if point == 0xD800 else point)
    return None


def _uri(param: int, leaf: Uri) -> Access:
    bounds: tuple[str, ...]
    if leaf.mode == "below" and leaf.version:
        bounds = (leaf.uri, leaf.version, f"{leaf.version}.", f"{leaf.version}/")
        test = Statement(f"e.value ->> 1 = ? AND ({_versions('e.value ->> 2')})", bounds)
        condition = f"{{}}.p = ? AND {{}}.uri = ? AND ({_versions('{}.version')})"
        return Access("idx_uri", condition, (param, *bounds), 3, param, "u", test)
    if leaf.mode == "below":
        rows, bounds = _prefix("{}.uri", leaf.uri)
        test = Statement(_prefix("e.value ->> 1", leaf.uri)[0], bounds)
        return Access("idx_uri", f"{{}}.p = ? AND {rows}", (param, *bounds), 5, param, "u", test)
    if leaf.version:
        bounds = (leaf.uri, leaf.version)
        test = Statement("e.value ->> 1 = ? AND e.value ->> 2 = ?", bounds)
        condition = "{}.p = ? AND {}.uri = ? AND {}.version = ?"
        return Access("idx_uri", condition, (param, *bounds), 3, param, "u", test, pinned=True, ordered=True)
    uris = ancestors(leaf.uri) if leaf.mode == "above" else (leaf.uri,)
    test = Statement(f"e.value ->> 1 {placeholders(uris)}", uris)
    return Access("idx_uri", f"{{}}.p = ? AND {{}}.uri {placeholders(uris)}", (param, *uris), 3, param, "u", test)


def _versions(column: str) -> str:
    # A slash is the character after the point: between the two lie the versions that go on from one.
    return f"{column} = ? OR ({column} >= ? AND {column} < ?)"


def _date(param: int, leaf: Date) -> Access:
    rows = dates(leaf.prefix, leaf.low, leaf.high, ("{}.low", "{}.high"))
    test = dates(leaf.prefix, leaf.low, leaf.high, ("e.value ->> 1", "e.value ->> 2"))
    rank = RANKS.get(leaf.prefix, 6)
    return Access("idx_date", f"{{}}.p = ? AND {rows.sql}", (param, *rows.arguments), rank, param, "d", test)


def _number(param: int, leaf: Number) -> Access:
    rows = numbers(leaf.prefix, leaf.low, leaf.high, ("{}.low", "{}.high"))
    test = numbers(leaf.prefix, leaf.low.hex(), leaf.high.hex(), ("e.value ->> 1", "e.value ->> 2"))
    rank = RANKS.get(leaf.prefix, 6)
    return Access("idx_number", f"{{}}.p = ? AND {rows.sql}", (param, *rows.arguments), rank, param, "n", test)


def _quantity(param: int, leaf: Quantity) -> Access:
    rows = numbers(leaf.prefix, leaf.low, leaf.high, ("{}.low", "{}.high"))
    test = numbers(leaf.prefix, leaf.low.hex(), leaf.high.hex(), ("e.value ->> 1", "e.value ->> 2"))
    unit = _unit(leaf)
    condition, tested = rows.sql, test
    if unit.sql:
        condition = f"{rows.sql} AND {{}}.t IN ({unit.sql})"
        tested = Statement(f"{test.sql} AND e.value ->> 3 IN ({unit.sql})", test.arguments + unit.arguments)
    arguments = (param, *rows.arguments, *unit.arguments)
    rank = RANKS.get(leaf.prefix, 6)
    return Access("idx_quantity", f"{{}}.p = ? AND {condition}", arguments, rank, param, "q", tested)


def _unit(leaf: Quantity) -> Statement:
    """Select the tokens that are the unit searched for; "" when any is."""
    conditions = []
    arguments: list[str] = []
    if leaf.code is not None:
        conditions += ["k.fold = ?", "k.code = ?"]
        arguments += [fold_code(leaf.code), leaf.code]
    if leaf.system is not None:
        conditions.append("k.system = ?")
        arguments.append(leaf.system)
    if not conditions:
        return Statement("")
    return Statement(f"SELECT k.t FROM token k WHERE {' AND '.join(conditions)}", tuple(arguments))


def _near(param: int, leaf: Near) -> Access:
    low, high = latitudes(leaf.latitude, leaf.metres)
    point = (leaf.latitude, leaf.longitude, leaf.metres)
    condition = "{}.p = ? AND {}.lat BETWEEN ? AND ? AND distance({}.lat, {}.lon, ?, ?) <= ?"
    test = Statement("distance(e.value ->> 1, e.value ->> 2, ?, ?) <= ?", point)
    return Access("idx_position", condition, (param, low, high, *point), 6, param, "l", test)


def _present(type: str, leaf: Present, names: Names) -> list[Access]:
    """Nothing can be started from what merely is there."""
    if not leaf.target:
        return [Access("", "", (), 9, param, "", TRUE) for param in names.param_ids(type, leaf.name)]
    found: list[Access] = []
    if (param := names.param_id(type, leaf.name)) is not None:
        kind = names.type_id(leaf.target)
        here = Statement("EXISTS (SELECT 1 FROM resource r WHERE r.rid = e.value ->> 1 AND r.type = ?)", (kind,))
        elsewhere = Statement(contains("e.value ->> 1"), (f"/{leaf.target}/",))
        found += [Access("", "", (), 9, param, "r", here), Access("", "", (), 9, param, "u", elsewhere)]
    if (param := names.param_id(type, leaf.name + STATED)) is not None:
        said = Statement("EXISTS (SELECT 1 FROM token k WHERE k.t = e.value ->> 1 AND k.system = ?)", (leaf.target,))
        found.append(Access("", "", (), 9, param, "t", said))
    return found
