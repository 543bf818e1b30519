"""Functions on whole collections: existence, filtering, subsetting, combining, aggregates.

http://hl7.org/fhirpath/N1/#functions
"""

from __future__ import annotations

from collections.abc import Callable

from profiles.fhirpath.call import Call, Rule, of_kind
from profiles.fhirpath.code import FOCUS, NOTHING, Code, of_items, of_truth
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.types import of_type
from profiles.fhirpath.values import distinct, key, single, type_name

MATCHES_ALL, MATCHES_ANY = True, False


def _filter(source: Code, criteria: Code) -> Callable[[Frame, Items], Items]:
    before, truth = source.items, criteria.truth
    leading = source is FOCUS

    def items(frame: Frame, focus: Items) -> Items:
        found = focus if leading else before(frame, focus)
        if not found:
            return found
        frame.spend(len(found))
        this, index = frame.this, frame.index
        out = []
        for at, item in enumerate(found):
            frame.this, frame.index = item, at
            if truth(frame, [item]):
                out.append(item)
        frame.this, frame.index = this, index
        return out

    return items


def where(call: Call) -> Code:
    """Compile where(criteria)."""
    criteria = call.argument(0)
    return NOTHING if call.source.nothing else of_items(_filter(call.source, criteria))


def exists(call: Call) -> Code:
    """Compile exists(criteria)."""
    if not call.arguments:
        return of_truth(call.source.present)
    matching = _filter(call.source, call.argument(0))
    return of_truth(lambda frame, focus: bool(matching(frame, focus)))


def empty(call: Call) -> Code:
    """Compile empty()."""
    present = call.source.present
    return of_truth(lambda frame, focus: not present(frame, focus))


def every(call: Call) -> Code:
    """Compile all(criteria)."""
    source, criteria = call.source.items, call.argument(0).truth

    def truth(frame: Frame, focus: Items) -> bool:
        found = source(frame, focus)
        frame.spend(len(found))
        this, index = frame.this, frame.index
        result = True
        for at, item in enumerate(found):
            frame.this, frame.index = item, at
            if not criteria(frame, [item]):
                result = False
                break
        frame.this, frame.index = this, index
        return result

    return of_truth(truth)


def _booleans(verdict: Callable[[list[bool]], bool]) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        def truth(frame: Frame, focus: Items) -> bool:
            found = call.source.items(frame, focus)
            values = [of_kind([item], (bool,), f"{call.name}()") for item in found]
            return verdict([value for value in values if value is not None])

        return of_truth(truth)

    return build


def negation(call: Call) -> Code:
    """Compile not()."""
    before = call.source.truth

    def truth(frame: Frame, focus: Items) -> bool | None:
        value = before(frame, focus)
        return None if value is None else not value

    return of_truth(truth)


def select(call: Call) -> Code:
    """Compile select(projection)."""
    source, projection = call.source, call.argument(0).items
    if source.nothing:
        return NOTHING

    def items(frame: Frame, focus: Items) -> Items:
        found = source.items(frame, focus)
        this, index = frame.this, frame.index
        out: Items = []
        for at, item in enumerate(found):
            frame.this, frame.index = item, at
            more = projection(frame, [item])
            frame.spend(len(more) + 1)
            out += more
        frame.this, frame.index = this, index
        return out

    return of_items(items)


def repeat(call: Call) -> Code:
    """Compile repeat(projection): what is there already is not followed again, so circles end."""
    source, projection = call.source, call.argument(0).items

    def items(frame: Frame, focus: Items) -> Items:
        queue = list(source.items(frame, focus))
        this, index = frame.this, frame.index
        seen = {}
        at = 0
        while at < len(queue):
            frame.this, frame.index = queue[at], at
            more = projection(frame, [queue[at]])
            frame.spend(len(more) + 1)
            at += 1
            for item in more:
                mark = key(item)
                if mark not in seen:
                    seen[mark] = item
                    queue.append(item)
        frame.this, frame.index = this, index
        return list(seen.values())

    return of_items(items)


def repeat_all(call: Call) -> Code:
    """Compile repeatAll(projection): as repeat, with repetitions; the budget ends what goes round in circles."""
    source, projection = call.source.items, call.argument(0).items

    def items(frame: Frame, focus: Items) -> Items:
        queue, this, index = source(frame, focus), frame.this, frame.index
        out: Items = []
        while queue:
            following: Items = []
            for item in queue:
                frame.this = item
                following += projection(frame, [item])
                frame.spend(100)
            out += following
            frame.spend(len(following))
            queue = following
        frame.this, frame.index = this, index
        return out

    return of_items(items)


def coalesce(call: Call) -> Code:
    """Compile coalesce(value, ...): the first that is not empty; those after it are not evaluated."""
    choices = [call.argument(at).items for at in range(len(call.arguments))]
    before = call.source.items if call.is_method else None

    def items(frame: Frame, focus: Items) -> Items:
        inner = before(frame, focus) if before else focus
        for choice in choices:
            found = choice(frame, inner)
            if found:
                return found
        return []

    return of_items(items)


def of_type_function(call: Call) -> Code:
    """Compile ofType(Type)."""
    test = call.type_argument()
    return NOTHING if call.source.nothing else of_type(call.source, test)


def _subset(take: Callable[[Items], Items]) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        before = call.source.items
        return of_items(lambda frame, focus: take(before(frame, focus)))

    return build


def _one(items: Items) -> Items:
    if len(items) > 1:
        raise FhirPathTypeError(f"single() found {len(items)} items")
    return items


def _counted(take: Callable[[Items, int], Items]) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        number = call.argument(0)

        def items(frame: Frame, focus: Items) -> Items:
            count = single(number.items(frame, focus), f"{call.name}()")
            if count.__class__ is not int:
                raise FhirPathTypeError(f"{call.name}() takes an Integer, not {type_name(count)}")
            return take(call.source.items(frame, focus), max(0, count))

        return of_items(items)

    return build


def _with_keys(combine: Callable[[Items, set[object]], Items]) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        other = call.argument(0)

        def items(frame: Frame, focus: Items) -> Items:
            mine, others = call.source.items(frame, focus), other.items(frame, focus)
            frame.spend(len(mine) + len(others))
            return combine(mine, {key(item) for item in others}) if mine else []

        return of_items(items)

    return build


def intersection(call: Call) -> Code:
    """Compile intersect(other)."""
    both = _with_keys(lambda mine, others: [item for item in mine if key(item) in others])(call)
    return of_items(lambda frame, focus: distinct(both.items(frame, focus), frame))


def _inclusion(mine_in_other: bool) -> Callable[[Call], Code]:
    def build(call: Call) -> Code:
        other = call.argument(0)

        def truth(frame: Frame, focus: Items) -> bool:
            mine, others = call.source.items(frame, focus), other.items(frame, focus)
            frame.spend(len(mine) + len(others))
            inner, outer = {key(item) for item in mine}, {key(item) for item in others}
            return inner <= outer if mine_in_other else outer <= inner

        return of_truth(truth)

    return build


def union(call: Call) -> Code:
    """Compile union(other)."""
    other = call.argument(0)
    return of_items(
        lambda frame, focus: distinct([*call.source.items(frame, focus), *other.items(frame, focus)], frame)
    )


def combine(call: Call) -> Code:
    """Compile combine(other, preserveOrder): as union, repetitions and the order kept whether asked or not."""
    other = call.argument(0)

    def items(frame: Frame, focus: Items) -> Items:
        found = [*call.source.items(frame, focus), *other.items(frame, focus)]
        frame.spend(len(found))
        return found

    return of_items(items)


def count(call: Call) -> Code:
    """Compile count()."""
    before = call.source.items
    return of_items(lambda frame, focus: [len(before(frame, focus))], lambda frame, focus: True)


def distinct_function(call: Call) -> Code:
    """Compile distinct()."""
    before = call.source.items
    return of_items(lambda frame, focus: distinct(before(frame, focus), frame))


def is_distinct(call: Call) -> Code:
    """Compile isDistinct()."""
    before = call.source.items

    def truth(frame: Frame, focus: Items) -> bool:
        found = before(frame, focus)
        return len(distinct(found, frame)) == len(found)

    return of_truth(truth)


RULES = {
    "empty": Rule(0, 0, empty),
    "exists": Rule(0, 1, exists),
    "not": Rule(0, 0, negation),
    "all": Rule(1, 1, every),
    "allTrue": Rule(0, 0, _booleans(all)),
    "anyTrue": Rule(0, 0, _booleans(any)),
    "allFalse": Rule(0, 0, _booleans(lambda values: not any(values))),
    "anyFalse": Rule(0, 0, _booleans(lambda values: not all(values))),
    "subsetOf": Rule(1, 1, _inclusion(True)),
    "supersetOf": Rule(1, 1, _inclusion(False)),
    "count": Rule(0, 0, count),
    "distinct": Rule(0, 0, distinct_function),
    "isDistinct": Rule(0, 0, is_distinct),
    "where": Rule(1, 1, where),
    "select": Rule(1, 1, select),
    "repeat": Rule(1, 1, repeat),
    "ofType": Rule(1, 1, of_type_function),
    "single": Rule(0, 0, _subset(_one)),
    "first": Rule(0, 0, _subset(lambda items: items[:1])),
    "last": Rule(0, 0, _subset(lambda items: items[-1:])),
    "tail": Rule(0, 0, _subset(lambda items: items[1:])),
    "skip": Rule(1, 1, _counted(lambda items, number: items[number:])),
    "take": Rule(1, 1, _counted(lambda items, number: items[:number])),
    "intersect": Rule(1, 1, intersection),
    "exclude": Rule(1, 1, _with_keys(lambda mine, others: [item for item in mine if key(item) not in others])),
    "union": Rule(1, 1, union),
    "combine": Rule(1, 2, combine),
    "repeatAll": Rule(1, 1, repeat_all),
    "coalesce": Rule(1, 64, coalesce),
}
