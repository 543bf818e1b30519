"""Selections of concepts as SQL: as the rows to start from, and as a test of one concept.

The layout is that of `docs/store.md`. A conjunct that an index finds in the order of the concepts drives, the rest is
tested row by row, so that a page is found without the rest of a system.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

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
_NAME = "SELECT m.p FROM concept_property_name m WHERE m.name = ?"


def bounds(key: int) -> tuple[int, int]:
    """Return the lowest and the highest number that a concept of the system can have."""
    return key << SHIFT, ((key + 1) << SHIFT) - 1


def selecting(selection: Selection) -> tuple[Statement, str]:
    """Return `FROM … WHERE …` that finds the selected concepts as `c`, and the column that has them in order."""
    rules = _conjuncts(selection.rule)
    key = selection.key
    if selection.words:
        source, column = _of_words(key, selection.words), "concept_text.rowid"
    else:
        source, column = Statement("concept c WHERE c.c BETWEEN ? AND ?", bounds(key)), "c.c"
        for rule in sorted(rules, key=_rank):
            found = _driving(key, rule)
            if found is not None:
                (source, column), rules = found, [each for each in rules if each is not rule]
            break
    tests = both(*(test(key, rule) for rule in rules))
    more = "" if tests == TRUE else f" AND {tests.sql}"
    return Statement(f"FROM {source.sql}{more}", source.arguments + tests.arguments), column


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


def _driving(key: int, rule: Rule) -> tuple[Statement, str] | None:
    match rule:
        case Codes() | Above() | Beside():
            found = test(key, rule)
            return Statement(f"concept c WHERE {found.sql}", found.arguments), "c.c"
        case Below():
            but = "" if rule.itself else f" AND b.c <> ({_CODE})"
            sql = f"concept_below b CROSS JOIN concept c ON c.c = b.c WHERE b.above = ({_CODE}){but}"
            above = _code(key, rule.code)
            return Statement(sql, above if rule.itself else above + above), "b.c"
        case AnyOf():
            parts = [_found(key, each) for each in rule.rules]
            selects = [each for each in parts if each is not None]
            if 0 < len(selects) == len(parts) <= _TOGETHER:
                together = " UNION ALL ".join(each.sql for each in selects)
                arguments = tuple(argument for each in selects for argument in each.arguments)
                return Statement(f"concept c WHERE c.c IN ({together})", arguments), "c.c"
        case Having(values=(value,)) if rule.property != "display":
            sql = (
                "concept_property q CROSS JOIN concept c ON c.c = q.c "
                f"WHERE q.s = ? AND q.p = ({_NAME}) AND q.value = ?"
            )
            return Statement(sql, (key, rule.property, value)), "q.c"
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
            found = _driving(key, rule)
            return None if found is None else Statement(f"SELECT c.c FROM {found[0].sql}", found[0].arguments)
    return None


def _of_words(key: int, words: Sequence[str]) -> Statement:
    wanted = " AND ".join(f'"{word}" *' for word in words)
    sql = (
        "concept_text CROSS JOIN concept c ON c.c = concept_text.rowid "
        "WHERE concept_text MATCH ? AND concept_text.rowid BETWEEN ? AND ?"
    )
    return Statement(sql, (wanted, *bounds(key)))


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
    if name in ("display", "code"):
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
            sql, more = f"q.c = c.c AND q.p = ({_NAME})", ()
            return Statement(f"EXISTS (SELECT 1 FROM concept_property q WHERE {sql})", (name, *more))
    sql = f"q.c = c.c AND q.p = ({_NAME}) AND matches(?, q.value)"
    return Statement(f"EXISTS (SELECT 1 FROM concept_property q WHERE {sql})", (name, rule.pattern))


def _code(key: int, code: str) -> tuple[int, str, str]:
    return key, fold_code(code), code


def _pairs(codes: Iterable[str]) -> str:
    return json.dumps([[fold_code(code), code] for code in codes])
