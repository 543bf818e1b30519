"""One leaf of a query tree against the index tables: as rows to start from, and as a test of one version.

A leaf that pins the leading columns of a primary key up to `v` is tested by a point lookup there. Ranges and prefixes
have no such lookup, so they are tested on the version's footprint, its own index rows as one JSON value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fhir_server.search.query import Date, Entry, Prefix, Reference, String, Token, Uri
from fhir_server.search.values import fold, fold_code
from fhir_server.store.sql.dialect import (
    FALSE,
    Names,
    Statement,
    contains,
    either,
    in_footprint,
    placeholders,
)


@dataclass(frozen=True, slots=True)
class Access:
    """The rows of one index table that match.

    `condition` has `{}` where the table's alias goes. `test` is the same on a footprint, None where a point lookup by
    `v` serves. `rank` orders accesses from likely few rows to likely many; `ordered` says they come in order of `v`.
    """

    table: str
    condition: str
    arguments: tuple[Any, ...]
    rank: int
    ordered: bool = False
    param: int = 0
    letter: str = ""
    test: Statement | None = None

    @property
    def countable(self) -> bool:
        """Whether the first rows are found without reading many others."""
        return self.rank < 7

    def rows(self, alias: str) -> Statement:
        """Return the condition on rows called `alias`."""
        return Statement(self.condition.replace("{}", alias), self.arguments)

    def holds(self, v: str) -> Statement:
        """Return the test that version `v` has such a row."""
        if self.test is not None:
            return in_footprint(v, self.param, self.letter, self.test)
        found = self.rows("i")
        return Statement(f"EXISTS (SELECT 1 FROM {self.table} i WHERE {found.sql} AND i.v = {v})", found.arguments)


def accesses(type: str, entries: Sequence[Entry], names: Names) -> list[Access]:
    """Return how to find versions of `type` that have any of `entries`; entries that nothing can have are left out."""
    found: list[Access] = []
    for (_, name), same in groupby(sorted(entries, key=_kind), key=_kind):
        param = names.param_id(type, name)
        if param is None:
            continue
        leaves = list(same)
        found += _tokens(param, [each for each in leaves if isinstance(each, Token)], names)
        found += _references(param, [each for each in leaves if isinstance(each, Reference)], names)
        for leaf in leaves:
            if isinstance(leaf, String):
                found.append(_string(param, leaf))
            elif isinstance(leaf, Uri):
                found.append(_uri(param, leaf))
            elif isinstance(leaf, Date):
                found.append(_date(param, leaf))
    return found


def holds(found: Sequence[Access], v: str) -> Statement:
    """Return the test that version `v` has a row of any of the accesses."""
    return either(*(access.holds(v) for access in found)) if found else FALSE


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
            numbers.update(dict.fromkeys(names.token_ids(fold_code(leaf.code), leaf.system)))
    if numbers:
        condition = f"{{}}.p = ? AND {{}}.t {placeholders(tuple(numbers))}"
        found.append(Access("idx_token", condition, (param, *numbers), 2, len(numbers) == 1))
    return found


def _of_system(param: int, system: str) -> Access:
    condition = "{}.p = ? AND {}.t IN (SELECT k.t FROM token k WHERE k.system = ?)"
    test = Statement("EXISTS (SELECT 1 FROM token k WHERE k.t = e.value ->> 1 AND k.system = ?)", (system,))
    return Access("idx_token", condition, (param, system), 7, False, param, "t", test)


def _exact_token(param: int, system: str | None, code: str) -> Access:
    narrowed = "" if system is None else " AND k.system = ?"
    condition = f"{{}}.p = ? AND {{}}.t IN (SELECT k.t FROM token k WHERE k.fold = ? AND k.code = ?{narrowed})"
    arguments = (param, fold_code(code), code) if system is None else (param, fold_code(code), code, system)
    return Access("idx_token", condition, arguments, 2)


def _references(param: int, leaves: list[Reference], names: Names) -> list[Access]:
    found: list[Access] = []
    numbers: dict[int, None] = {}
    for leaf in leaves:
        rid = names.resource_id(leaf.type, leaf.id)
        if rid is not None and leaf.version:
            condition = "{}.p = ? AND {}.rid = ? AND {}.version = ?"
            found.append(Access("idx_reference", condition, (param, rid, leaf.version), 1, True))
        elif rid is not None:
            numbers[rid] = None
    if numbers:
        condition = f"{{}}.p = ? AND {{}}.rid {placeholders(tuple(numbers))}"
        found.append(Access("idx_reference", condition, (param, *numbers), 1, len(numbers) == 1))
    return found


def _string(param: int, leaf: String) -> Access:
    if leaf.mode == "exact":
        condition = "{}.p = ? AND {}.norm = ? AND {}.exact = ?"
        return Access("idx_string", condition, (param, fold(leaf.text), leaf.text), 4, True)
    if leaf.mode == "contains":
        test = Statement(contains("e.value ->> 1"), (leaf.text,))
        return Access(
            "idx_string", f"{{}}.p = ? AND {contains('{}.norm')}", (param, leaf.text), 7, False, param, "s", test
        )
    end = after(leaf.text)
    upper = "" if end is None else " AND {}.norm < ?"
    bounds = (leaf.text,) if end is None else (leaf.text, end)
    test = Statement("e.value ->> 1 >= ?" + upper.replace("{}.norm", "e.value ->> 1"), bounds)
    return Access("idx_string", "{}.p = ? AND {}.norm >= ?" + upper, (param, *bounds), 5, False, param, "s", test)


def after(text: str) -> str | None:
    """Return the least string above all that start with `text`, None when there is none."""
    for at in range(len(text) - 1, -1, -1):
        point = ord(text[at]) + 1
        if point <= 0x10FFFF:
            # Between U+D7FF and U+E000 there are no characters.
            return text[:at] + chr(0xE000 if point == 0xD800 else point)
    return None


def _uri(param: int, leaf: Uri) -> Access:
    if leaf.below:
        end = after(leaf.uri)
        upper = "" if end is None else " AND {}.uri < ?"
        bounds: tuple[Any, ...] = (leaf.uri,) if end is None else (leaf.uri, end)
        test = Statement("e.value ->> 1 >= ?" + upper.replace("{}.uri", "e.value ->> 1"), bounds)
        return Access("idx_uri", "{}.p = ? AND {}.uri >= ?" + upper, (param, *bounds), 5, False, param, "u", test)
    if leaf.version:
        condition = "{}.p = ? AND {}.uri = ? AND {}.version = ?"
        return Access("idx_uri", condition, (param, leaf.uri, leaf.version), 3, True)
    test = Statement("e.value ->> 1 = ?", (leaf.uri,))
    return Access("idx_uri", "{}.p = ? AND {}.uri = ?", (param, leaf.uri), 3, False, param, "u", test)


# By prefix: a range for the index (on one column), and what must hold besides; l and h are the range searched for.
_DATES: dict[Prefix, tuple[str, str]] = {
    "eq": ("low >= l AND low <= h", "high <= h"),
    "ne": ("", "(low < l OR high > h)"),
    "gt": ("high > h", ""),
    "lt": ("low < l", ""),
    # Whatever reaches beyond the range or begins in it ends in it or later, and the other way round.
    "ge": ("high >= l", "(high > h OR low >= l)"),
    "le": ("low <= h", "(low < l OR high <= h)"),
    "sa": ("low > h", ""),
    "eb": ("high < l", ""),
    "ap": ("low <= h", "high >= l"),
}
_DATE_RANKS: dict[Prefix, int] = {"eq": 4, "ap": 7, "ne": 8}


def _date(param: int, leaf: Date) -> Access:
    rows, arguments = _filled(leaf, "{}.low", "{}.high")
    test, tested = _filled(leaf, "e.value ->> 1", "e.value ->> 2")
    return Access(
        "idx_date",
        f"{{}}.p = ? AND {rows}",
        (param, *arguments),
        _DATE_RANKS.get(leaf.prefix, 6),
        False,
        param,
        "d",
        Statement(test, tested),
    )


def _filled(leaf: Date, low: str, high: str) -> tuple[str, tuple[int, ...]]:
    words = " AND ".join(part for part in _DATES[leaf.prefix] if part).replace("(", "( ").replace(")", " )").split()
    arguments = tuple(leaf.low if word == "l" else leaf.high for word in words if word in ("l", "h"))
    spelled = {"low": low, "high": high, "l": "?", "h": "?"}
    return " ".join(spelled.get(word, word) for word in words), arguments
