"""Path steps: from nodes to their child elements (http://hl7.org/fhirpath/N1/#path-selection)."""

from __future__ import annotations

from typing import Any

from profiles.fhirpath.code import FOCUS, Code, of_items
from profiles.fhirpath.environment import Frame, Items
from profiles.fhirpath.errors import FhirPathTypeError
from profiles.fhirpath.node import Node, Scope
from profiles.fhirpath.shapes import Child, Shape, resource_shape
from profiles.fhirpath.values import type_name

EXTENSIONS = ("id", "extension")
"""The elements of a primitive; they are in its `_field` object."""


def expand(node: Node, child: Child, out: Items) -> None:
    """Append the nodes of one JSON property of a complex node; what does not fit its type is passed over."""
    raw = node.value.get(child.json)
    if child.primitive:
        _expand_primitive(node, child, raw, out)
    elif raw.__class__ is list:
        for each in raw:
            if each.__class__ is dict:
                _append(node, child, each, out)
    elif raw.__class__ is dict:
        _append(node, child, raw, out)


def _append(node: Node, child: Child, raw: dict[str, Any], out: Items) -> None:
    if not child.resource:
        out.append(Node(raw, child.shape, None, node.scope))
        return
    shape = resource_shape(raw)
    if shape is not None:
        out.append(Node(raw, shape, None, Scope(raw, shape, node.scope, child.name == "contained")))


def _expand_primitive(node: Node, child: Child, raw: Any, out: Items) -> None:
    sibling = node.value.get(child.sibling)
    shape, scope = child.shape, node.scope
    if raw.__class__ is list or sibling.__class__ is list:
        values = raw if raw.__class__ is list else []
        siblings = sibling if sibling.__class__ is list else []
        for at in range(max(len(values), len(siblings))):
            value = values[at] if at < len(values) else None
            other = siblings[at] if at < len(siblings) else None
            _append_primitive(value, other, shape, scope, out)
    else:
        _append_primitive(raw, sibling, shape, scope, out)


def _append_primitive(value: Any, sibling: Any, shape: Any, scope: Scope, out: Items) -> None:
    if value.__class__ is dict or value.__class__ is list:
        value = None
    if sibling.__class__ is not dict:
        sibling = None
    if value is not None or sibling is not None:
        out.append(Node(value, shape, sibling, scope))


def _step(node: Node, name: str, out: Items) -> None:
    """Append the children called `name`, by the slow road: choices, primitives' ids and extensions, siblings."""
    value = node.value
    if value.__class__ is not dict:
        if node.sibling is not None and name in EXTENSIONS and node.shape.primitive:
            child = node.shape.children.get(name)
            if child.__class__ is Child:
                expand(Node(node.sibling, node.shape, None, node.scope), child, out)
        return
    found = node.shape.children.get(name)
    if found is None:
        return
    if isinstance(found, Child):
        expand(node, found, out)
        return
    for key in value:
        child = found.get(key) or (found.get(key[1:]) if key[:1] == "_" and key[1:] not in value else None)
        if child is not None:
            expand(node, child, out)


def member(source: Code, name: str) -> Code:
    """Return code for `source.name`."""
    before = source.items
    leading = source is FOCUS

    def items(frame: Frame, focus: Items) -> Items:
        out: Items = []
        for node in focus if leading else before(frame, focus):
            if node.__class__ is not Node:
                continue
            value = node.value
            if value.__class__ is dict:
                child = node.shape.children.get(name)
                if child.__class__ is Child and not child.resource:
                    raw = value.get(child.json)
                    kind = raw.__class__
                    if child.primitive:
                        if kind is not list and child.sibling not in value:
                            if raw is not None and kind is not dict:
                                out.append(Node(raw, child.shape, None, node.scope))
                            continue
                    elif kind is dict:
                        out.append(Node(raw, child.shape, None, node.scope))
                        continue
                    elif isinstance(raw, list):
                        shape, scope = child.shape, node.scope
                        for each in raw:
                            if each.__class__ is dict:
                                out.append(Node(each, shape, None, scope))
                        continue
                    else:
                        continue
            _step(node, name, out)
        return out

    def present(frame: Frame, focus: Items) -> bool:
        for node in focus if leading else before(frame, focus):  # noqa: SIM110 - a generator would cost as much again
            if node.__class__ is Node and _has(node, name):
                return True
        return False

    return of_items(items, present, name if leading else None)


def _has(node: Node, name: str) -> bool:
    """Return whether a node has a child called `name`, without making it where the JSON tells."""
    value = node.value
    if value.__class__ is dict:
        child = node.shape.children.get(name)
        if child is None:
            return False
        if child.__class__ is Child:
            raw = value.get(child.json)
            if child.sibling not in value:
                kind = raw.__class__
                if raw is None:
                    return False
                if kind is not list and not child.resource:
                    return kind is not dict if child.primitive else kind is dict
    out: Items = []
    _step(node, name, out)
    return bool(out)


Plan = tuple[tuple[str, ...], Shape, Child] | None


def _plan(start: Shape, names: tuple[str, ...]) -> Plan:
    """Return (JSON names on the way, last shape on the way, last child) of a path that needs no look at the data."""
    shape = start
    way = []
    for name in names[:-1]:
        child = shape.children.get(name)
        if not isinstance(child, Child) or child.primitive or child.resource:
            return None
        way.append(child.json)
        shape = child.shape
    last = shape.children.get(names[-1])
    return (tuple(way), shape, last) if isinstance(last, Child) and not last.resource else None


def path(source: Code, names: tuple[str, ...]) -> Code:
    """Return code for `source.a.b.c`, walking plain JSON up to the last step where the definitions allow it."""
    if len(names) == 1:
        return member(source, names[0])
    stepwise = FOCUS
    for name in names:
        stepwise = member(stepwise, name)
    one_by_one = stepwise.items
    plans: dict[Shape, Plan] = {}
    first = names[0]
    before = source.items
    leading = source is FOCUS

    def items(frame: Frame, focus: Items) -> Items:
        out: Items = []
        for node in focus if leading else before(frame, focus):
            if node.__class__ is not Node or node.value.__class__ is not dict:
                if node.__class__ is Node:
                    out += one_by_one(frame, [node])
                continue
            try:
                plan = plans[node.shape]
            except KeyError:
                plan = plans[node.shape] = _plan(node.shape, names)
            if plan is None:
                if _may_have(node, first):
                    out += one_by_one(frame, [node])
                continue
            values = [node.value]
            for json in plan[0]:
                values = _inside(values, json)
            if values:
                _last_step(values, plan, node.scope, out)
        return out

    return of_items(items)


def _may_have(node: Node, name: str) -> bool:
    child = node.shape.children.get(name)
    return child.__class__ is not Child or child.json in node.value or child.sibling in node.value


def _inside(values: list[Any], json: str) -> list[Any]:
    if len(values) == 1:
        raw = values[0].get(json)
        if raw is None:
            return []
        if raw.__class__ is dict:
            return [raw]
        return [each for each in raw if each.__class__ is dict] if raw.__class__ is list else []
    found = []
    for value in values:
        raw = value.get(json)
        if raw.__class__ is dict:
            found.append(raw)
        elif isinstance(raw, list):
            found += [each for each in raw if each.__class__ is dict]
    return found


def _last_step(values: list[Any], plan: tuple[tuple[str, ...], Shape, Child], scope: Scope, out: Items) -> None:
    child = plan[2]
    json, shape = child.json, child.shape
    for value in values:
        raw = value.get(json)
        if child.primitive:
            if child.sibling in value or raw.__class__ is list:
                _expand_primitive(Node(value, plan[1], None, scope), child, raw, out)
            elif raw is not None and raw.__class__ is not dict:
                out.append(Node(raw, shape, None, scope))
        elif raw.__class__ is dict:
            out.append(Node(raw, shape, None, scope))
        elif isinstance(raw, list):
            for each in raw:
                if each.__class__ is dict:
                    out.append(Node(each, shape, None, scope))


def type_prefix(name: str) -> Code:
    """Return code for a path that starts with a type (`Patient.name`): the items of the focus that are of it."""

    def items(frame: Frame, focus: Items) -> Items:
        return [node for node in focus if node.__class__ is Node and name in node.shape.ancestors]

    return of_items(items)


def children(nodes: Items) -> Items:
    """Return all child nodes of `nodes`."""
    out: Items = []
    for node in nodes:
        if node.__class__ is not Node:
            continue
        value, by_json = node.value, node.shape.by_json
        if value.__class__ is not dict:
            for name in EXTENSIONS if node.sibling is not None else ():
                _step(node, name, out)
            continue
        for name in value:
            child = by_json.get(name)
            if child is None and name[:1] == "_" and name[1:] not in value:
                child = by_json.get(name[1:])
            if child is not None:
                expand(node, child, out)
    return out


def descendants(frame: Frame, nodes: Items) -> Items:
    """Return all nodes below `nodes`, level by level."""
    out: Items = []
    level = children(nodes)
    while level:
        frame.spend(len(level))
        out += level
        level = children(level)
    return out


def item_at(source: Code, index: Code) -> Code:
    """Return code for `source[index]`."""

    def items(frame: Frame, focus: Items) -> Items:
        found = source.items(frame, focus)
        where = index.items(frame, focus)
        if not where:
            return []
        at = where[0].value if where[0].__class__ is Node else where[0]
        if len(where) > 1 or at.__class__ is not int:
            raise FhirPathTypeError(f"an indexer takes a single Integer, not {', '.join(map(type_name, where[:3]))}")
        return found[at : at + 1] if at >= 0 else []

    return of_items(items)
