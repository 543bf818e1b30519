"""Code systems, value sets, questionnaires, search parameters and profiles: what their pages demand of them.

http://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from profiles.definitions import is_resource_type, type_names
from profiles.fhirpath.shapes import shape
from profiles.validation.expressions import element_shapes, expression_fault
from profiles.validation.prose.finding import Finding, Json, lenient, objects, text_of

MAX_CONCEPTS = 100_000
_STANDARD = frozenset({"parent", "child", "subsumedBy", "notSelectable", "status", "inactive", "deprecated", "partOf"})
"""Properties that need no declaration (http://hl7.org/fhir/R4/codesystem-concept-properties.html)."""


def code_system(value: Json) -> Iterator[Finding]:
    """Check codes, their properties, the count, and what a supplement supplements."""
    if value.get("content") == "supplement" and not value.get("supplements"):
        yield Finding("required", "supplements", "is required of a supplement; name the code system it adds to")
    declared = {text_of(each, "code"): text_of(each, "type") for _, each in objects(value, "property")}
    seen: set[str] = set()
    count = 0
    for below, concept in _nested(value, "concept"):
        count += 1
        code = text_of(concept, "code")
        if code in seen:
            yield Finding("duplicate", f"{below}.code", "is that of an earlier concept; a code means one thing")
        seen.add(code)
        yield from _properties(concept, below, declared)
        if count >= MAX_CONCEPTS:
            return
    stated = value.get("count")
    if value.get("content") == "complete" and isinstance(stated, int) and count and stated != count:
        what = f"says {stated}, but the code system is complete with {count} concepts; correct one of them"
        yield Finding("value", "count", what, "warning")


def _nested(holder: Json, name: str) -> Iterator[tuple[str, Json]]:
    """Yield all objects of a property that holds itself: concepts, items."""
    queue = [*reversed(objects(holder, name))]
    while queue:
        below, each = queue.pop()
        yield below, each
        queue += [(f"{below}.{inside}", one) for inside, one in reversed(objects(each, name))]


def _properties(concept: Json, below: str, declared: dict[str, str]) -> Iterator[Finding]:
    for inside, each in objects(concept, "property"):
        code = text_of(each, "code")
        place = f"{below}.{inside}"
        if code not in declared:
            if code not in _STANDARD:
                yield Finding("value", f"{place}.code", "is no property that the code system declares; declare it")
            continue
        given = next((name for name in each if name.startswith("value")), "")
        kind = declared[code]
        if given and kind and given.removeprefix("value").lower() != kind.lower():
            what = f"is declared as {kind}, but has another type here; make both agree"
            yield Finding("value", f"{place}.value", what)


def value_set(value: Json) -> Iterator[Finding]:
    """Check that a value set does not include itself, nor a concept twice."""
    compose = value.get("compose")
    own = text_of(value, "url")
    for part in ("include", "exclude"):
        for inside, each in objects(compose, part) if isinstance(compose, dict) else ():
            place = f"compose.{inside}"
            listed = each.get("valueSet")
            if own and isinstance(listed, list) and any(str(one).partition("|")[0] == own for one in listed):
                yield Finding("value", f"{place}.valueSet", "names the value set itself; leave it out")
            system = each.get("system")
            if isinstance(system, str) and ":" not in system:
                yield lenient("value", f"{place}.system", "is relative; give the absolute address of the code system")
            codes = Counter(text_of(one, "code") for _, one in objects(each, "concept"))
            if any(count > 1 for count in codes.values()):
                yield Finding("duplicate", f"{place}.concept", "lists a code twice; once is enough", "warning")


def questionnaire(value: Json) -> Iterator[Finding]:
    """Check that the questions which enable an item are there."""
    items = list(_nested(value, "item"))
    known = {text_of(each, "linkId") for _, each in items}
    for below, item in items:
        for inside, each in objects(item, "enableWhen"):
            asked = text_of(each, "question")
            place = f"{below}.{inside}.question"
            if asked and asked == item.get("linkId"):
                yield Finding("value", place, "is the item itself, which cannot enable itself; name another item")
            elif asked and asked not in known:
                yield Finding("not-found", place, "is the linkId of no item of the questionnaire; correct it")


def search_parameter(value: Json) -> Iterator[Finding]:
    """Check the expression against the types it is for, and that a composite has components."""
    if value.get("type") == "composite" and not value.get("component"):
        yield Finding("required", "component", "is required of a composite; list the parameters it is made of")
    text = value.get("expression")
    bases = [each for each in value.get("base", ()) if isinstance(each, str) and each in type_names()]
    if not isinstance(text, str):
        return
    for base in bases:
        fault = expression_fault(text, [shape(base)], strangers=True)
        if fault:
            yield Finding("value", "expression", f"{fault} (on {base})")
            return


def structure_definition(value: Json) -> Iterator[Finding]:
    """Check the elements of a profile: ids, fixed values and patterns of the right type, and the rules."""
    kind = text_of(value, "type")
    if value.get("derivation") == "constraint" and value.get("kind") != "logical" and kind not in type_names():
        if "://" not in kind:
            yield Finding("value", "type", "is no type of R4; a profile is on one of these")
        return
    for part in ("snapshot", "differential"):
        holder = value.get(part)
        rows = objects(holder, "element") if isinstance(holder, dict) else []
        ids = Counter(text_of(each, "id") for _, each in rows if "id" in each)
        for inside, each in rows:
            place = f"{part}.{inside}"
            if ids[text_of(each, "id")] > 1:
                yield Finding("duplicate", f"{place}.id", "is that of another element; give each its own")
            yield from _typed_values(each, place)
            yield from _rules(each, place, kind)


def _typed_values(element: Json, place: str) -> Iterator[Finding]:
    codes = {text_of(each, "code") for _, each in objects(element, "type")}
    if not codes or any("://" in code or "." in code for code in codes):
        return
    allowed = {code[:1].upper() + code[1:] for code in codes}
    for name in element:
        for prefix in ("fixed", "pattern"):
            given = name.removeprefix(prefix)
            if given != name and given[:1].isupper() and given not in allowed:
                listed = " or ".join(sorted(codes))
                yield Finding("value", f"{place}.{prefix}", f"is not of the type of the element, {listed}; correct it")


def _rules(element: Json, place: str, kind: str) -> Iterator[Finding]:
    path = text_of(element, "path")
    codes = {text_of(each, "code") for _, each in objects(element, "type")}
    shapes = element_shapes(kind, path)
    fitting = [each for each in shapes if not codes or not codes.isdisjoint(each.ancestors)]
    for inside, each in objects(element, "constraint"):
        text, key = each.get("expression"), text_of(each, "key")
        if not isinstance(text, str) or _is_own(each, kind):
            continue
        fault = expression_fault(text, fitting or [shape("Resource")])
        if fault:
            yield Finding("value", f"{place}.{inside}.expression", f"of the rule {key} {fault}")


def _is_own(constraint: Json, kind: str) -> bool:
    """Whether R4 itself states the rule, which snapshots repeat."""
    source = text_of(constraint, "source").removeprefix("http://hl7.org/fhir/StructureDefinition/")
    return bool(source) and source in type_names() and (is_resource_type(source) or source != kind)
