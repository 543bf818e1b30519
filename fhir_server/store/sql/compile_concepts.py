"""Selections of concepts as SQL: as the rows to start from, and as a test of one concept.

The layout is that of `docs/store.md`. A conjunct that an index finds in the order of the concepts drives, the rest is
tested row by row, so that a page is found without the rest of a system.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fhir_server.search.values import fold_code
from fhir_server.store.sql.dialect import FALSE, TRUE, Statement, both, either, negated, placeholders
from profiles.terminology.selection import (
    Above,
    Active,
    AllOf,
    AnyOf,
    Below,
    Beside,
    Codes,
    Existing,
    Having,
    Like,
    Not,
    Rule,
    Selectable,
    Selection,
    Whole,
)

SHIFT = 32
INACTIVE, ABSTRACT = 1, 2
_TOGETHER = 100
"""Rules that one statement puts together; engines bound the terms of a compound."""
_CODE = "SELECT i.c FROM concept i WHERE i.s = ? AND i.fold = ? AND i.code = ?"
_LISTED = "json_each(?) j CROSS JOIN concept x ON x.s = ? AND x.fold = j.value ->> 0 AND x.code = j.value ->> 1"
_OWN = ("display", "code")
"""Properties that are columns of a concept."""
_NAME = "SELECT m.p FROM concept_property_name m WHERE m.name = ?"


def bounds(key: int) -> tuple[int, int]:
    """Return the lowest and the highest number that a concept of the system can have."""
    return key << SHIFT, ((key + 1) << SHIFT) - 1


@dataclass(frozen=True, slots=True)
class _Driver:
    """Rows to start from: those of `table` for which `where` holds, in the order of `column`, the concepts' numbers."""

    table: str
    column: str
    where: Statement


_CONCEPTS = "concept c"


def selecting(selection: Selection) -> tuple[Statement, str]:
    """Return `FROM … WHERE …` that finds the selected concepts as `c`, and the column that has them in order."""
    driver, tests, _ = _planned(selection)
    join = "" if driver.table == _CONCEPTS else f" CROSS JOIN {_CONCEPTS} ON c.c = {driver.column}"
    sql = f"FROM {driver.table}{join} WHERE {driver.where.sql}{_and(tests)}"
    return Statement(sql, driver.where.arguments + tests.arguments), driver.column


def counting(selection: Selection) -> Statement:
    """Return the statement that counts the selected concepts; their rows are not read where no test asks for them."""
    driver, tests, rules = _planned(selection)
    if driver.table == _CONCEPTS or any(_reads_row(rule) for rule in rules):
        found, _ = selecting(selection)
        return Statement(f"SELECT count(*) {found.sql}", found.arguments)
    inner = f"SELECT {driver.column} AS c FROM {driver.table} WHERE {driver.where.sql}"
    return Statement(f"SELECT count(*) FROM ({inner}) c WHERE {tests.sql}", driver.where.arguments + tests.arguments)


def _planned(selection: Selection) -> tuple[_Driver, Statement, list[Rule]]:
    """Return what to start from, the test of the rest, and the rules that are tested."""
    key, rules = selection.key, _conjuncts(selection.rule)
    driver = _Driver(_CONCEPTS, "c.c", Statement("c.c BETWEEN ? AND ?", bounds(key)))
    if selection.words:
        driver = _of_words(key, selection.words)
    else:
        first = min(rules, key=_rank, default=Whole())
        found = _driving(key, first)
        if found is not None:
            driver, rules = found, [each for each in rules if each is not first]
    return driver, both(*(test(key, rule) for rule in rules)), rules


def _and(tests: Statement) -> str:
    return "" if tests == TRUE else f" AND {tests.sql}"


def _reads_row(rule: Rule) -> bool:
    """Return whether the test of a rule looks into the concept's own row."""
    match rule:
        case Active() | Selectable():
            return True
        case Having() | Existing() | Like():
            return rule.property in _OWN
        case AnyOf() | AllOf():
            return any(_reads_row(each) for each in rule.rules)
        case Not():
            return _reads_row(rule.rule)
    return False


def test(key: int, rule: Rule) -> Statement:
    """Return the test that the concept `c` of the system is one that `rule` selects."""
    match rule:
        case Whole():
            return TRUE
        case Codes():
            return Statement(f"c.c IN (SELECT x.c FROM {_LISTED})", (_pairs(rule.codes), key))
        case Below():
            itself = "" if rule.itself else f" AND c.c <> ({_CODE})"
            above = _code(key, rule.code)
            sql = f"EXISTS (SELECT 1 FROM concept_below b WHERE b.above = ({_CODE}) AND b.c = c.c){itself}"
            return Statement(f"({sql})", above if rule.itself else above + above)
        case Above() | Beside():
            found = _near(key, rule)
            return Statement(f"c.c IN ({found.sql})", found.arguments)
        case Having() | Existing() | Like():
            return _property(key, rule)
        case Active():
            return Statement(f"c.flags & {INACTIVE} = 0")
        case Selectable():
            return Statement(f"c.flags & {ABSTRACT} = 0")
        case AnyOf():
            return either(*(test(key, each) for each in rule.rules)) if rule.rules else FALSE
        case AllOf():
            return both(*(test(key, each) for each in rule.rules))
        case Not():
            return negated(test(key, rule.rule))


def coded(selection: Selection, fold: str) -> Statement:
    """Return the test that a selected concept has a code which folds to the column `fold`."""
    tests = test(selection.key, selection.rule)
    return Statement(
        f"EXISTS (SELECT 1 FROM concept c WHERE c.s = ? AND c.fold = {fold} AND {tests.sql})",
        (selection.key, *tests.arguments),
    )


def _conjuncts(rule: Rule) -> list[Rule]:
    if isinstance(rule, AllOf):
        return [part for each in rule.rules for part in _conjuncts(each)]
    return [rule]


def _rank(rule: Rule) -> int:
    """Order conjuncts by how few concepts they are likely to leave; those that cannot drive come last."""
    order: tuple[type[Rule], ...] = (Codes, Above, Beside, Below, Having, AnyOf)
    return order.index(type(rule)) if type(rule) in order else len(order)


def _driving(key: int, rule: Rule) -> _Driver | None:
    match rule:
        case Codes() | Above() | Beside():
            return _Driver(_CONCEPTS, "c.c", test(key, rule))
        case Below():
            but = "" if rule.itself else f" AND d.c <> ({_CODE})"
            above = _code(key, rule.code)
            where = Statement(f"d.above = ({_CODE}){but}", above if rule.itself else above + above)
            return _Driver("concept_below d", "d.c", where)
        case AnyOf():
            parts = [_found(key, each) for each in rule.rules]
            selects = [each for each in parts if each is not None]
            if 0 < len(selects) == len(parts) <= _TOGETHER:
                together = " UNION ALL ".join(each.sql for each in selects)
                arguments = tuple(argument for each in selects for argument in each.arguments)
                return _Driver(_CONCEPTS, "c.c", Statement(f"c.c IN ({together})", arguments))
        case Having(values=(value,)) if rule.property not in _OWN:
            where = Statement(f"d.s = ? AND d.p = ({_NAME}) AND d.value = ?", (key, rule.property, value))
            return _Driver("concept_property d", "d.c", where)
    return None


def _found(key: int, rule: Rule) -> Statement | None:
    """Select the concepts of a rule that an index finds, None for another."""
    match rule:
        case Above() | Beside():
            # A recursive table cannot be one of several that are put together.
            near = _near(key, rule)
            return Statement(f"SELECT * FROM ({near.sql})", near.arguments)
        case Codes():
            return Statement(f"SELECT x.c FROM {_LISTED}", (_pairs(rule.codes), key))
        case Below() | Having():
            driver = _driving(key, rule)
            if driver is not None:
                where = driver.where
                return Statement(f"SELECT {driver.column} FROM {driver.table} WHERE {where.sql}", where.arguments)
    return None


def _of_words(key: int, words: Sequence[str]) -> _Driver:
    wanted = " AND ".join(f'"{word}" *' for word in words)
    where = Statement("concept_text MATCH ? AND concept_text.rowid BETWEEN ? AND ?", (wanted, *bounds(key)))
    return _Driver("concept_text", "concept_text.rowid", where)


def _near(key: int, rule: Above | Beside) -> Statement:
    if isinstance(rule, Above):
        sql = (
            f"WITH RECURSIVE up (c) AS ({_CODE} UNION "
            "SELECT p.parent FROM up CROSS JOIN concept_parent p ON p.c = up.c) SELECT u.c FROM up u"
        )
        return Statement(sql, _code(key, rule.code))
    ours, others = ("p.c", "p.parent") if rule.role == "children" else ("p.parent", "p.c")
    sql = f"SELECT {ours} FROM concept_parent p WHERE {others} IN (SELECT x.c FROM {_LISTED})"
    return Statement(sql, (_pairs(rule.codes), key))


def _property(key: int, rule: Having | Existing | Like) -> Statement:
    name = rule.property
    if name in _OWN:
        column = f"c.{name}"
        match rule:
            case Having():
                return Statement(f"coalesce({column} {placeholders(rule.values)}, 0)", rule.values)
            case Like():
                return Statement(f"coalesce(matches(?, {column}), 0)", (rule.pattern,))
        return Statement(f"{column} IS NOT NULL")
    if name in ("parent", "child"):
        column = "c" if name == "parent" else "parent"
        return Statement(f"EXISTS (SELECT 1 FROM concept_parent p WHERE p.{column} = c.c)")
    match rule:
        case Having():
            sql = f"q.s = ? AND q.p = ({_NAME}) AND q.value {placeholders(rule.values)} AND q.c = c.c"
            return Statement(f"EXISTS (SELECT 1 FROM concept_property q WHERE {sql})", (key, name, *rule.values))
        case Existing():
            return Statement(f"EXISTS (SELECT 1 FROM concept_property q WHERE q.c = c.c AND q.p = ({_NAME}))", (name,))
    sql = f"q.c = c.c AND q.p = ({_NAME}) AND matches(?, q.value)"
    return Statement(f"EXISTS (SELECT 1 FROM concept_property q WHERE {sql})", (name, rule.pattern))


def _code(key: int, code: str) -> tuple[int, str, str]:
    return key, fold_code(code), code


def _pairs(codes: Iterable[str]) -> str:
    return json.dumps([[fold_code(code), code] for code in codes])
