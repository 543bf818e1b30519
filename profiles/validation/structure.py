"""The precise walk through one resource: every structural fault as an issue with its FHIRPath expression.

It says the same as the schema of `schema`, only slowly and in words; nested resources are left to the caller
(http://hl7.org/fhir/R4/json.html, http://hl7.org/fhir/R4/conformance-rules.html#cardinality).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from profiles.datatypes.primitives import has_kind, kind, primitive_fault
from profiles.issues import Issue
from profiles.validation.bindings import code_fault, concept_fault
from profiles.validation.references import ANY, reference_fault, type_fault
from profiles.validation.tables import RESOURCE, SIMPLE, Property, Shape, shape

_NAME = re.compile("_?[A-Za-z][A-Za-z0-9]{0,63}")
_HINTS = 20
"""For so many unknown elements a likely right name is sought, which takes longer than all else."""
_SIBLING_KEYS = frozenset({"id", "extension"})


def structure_issues(resource: dict[str, Any], type_name: str, path: str, limit: int = 1_000) -> list[Issue]:
    """Return the structural faults of `resource` as a `type_name`, at most `limit`; `path` is its FHIRPath."""
    walk = _Walk(limit)
    try:
        walk.object(resource, shape(type_name), path, ())
    except _EnoughError:
        return walk.issues
    return walk.issues


class _EnoughError(Exception):
    """So many faults are found that the walk ends: a body wrong throughout must not cost more than a right one."""


class _Walk:
    """One walk; faults are gathered in `issues`."""

    def __init__(self, limit: int) -> None:
        self.issues: list[Issue] = []
        self.limit = limit
        self.hints = 0

    def fault(self, code: str, path: str, what: str) -> None:
        self.add(Issue("error", code, f"{path} {what}.", path))

    def add(self, issue: Issue) -> None:
        if len(self.issues) >= self.limit:
            raise _EnoughError
        self.issues.append(issue)

    def object(self, node: Any, of: Shape, path: str, targets: tuple[str, ...]) -> None:
        """Walk one object of shape `of`; `targets` limit it when it is a Reference."""
        if not isinstance(node, dict):
            self.fault("structure", path, f"must be a JSON object ({of.type}), but is {kind(node)}")
            return
        if of.is_element:
            self.has_content(node, of, path)
        for name, value in node.items():
            if of.resource and name == "resourceType":
                continue
            self.member(node, of, name, value, path, targets)
        self.choices(node, of, path)
        self.required(node, of, path)
        if of.type == "Reference":
            wrong = type_fault(node, targets)
            if wrong:
                self.fault("value", f"{path}.type", wrong)

    def has_content(self, node: dict[str, Any], of: Shape, path: str) -> None:
        if not node:
            self.fault("structure", path, "must not be an empty object; leave the element out (ele-1)")
        elif not of.required and len(node) == 1 and "id" in node:
            self.fault("structure", path, "must have content besides its id (ele-1)")

    def member(
        self, node: dict[str, Any], of: Shape, name: str, value: Any, path: str, targets: tuple[str, ...]
    ) -> None:
        """Check one property, or the `_` sibling of one."""
        found = of.properties.get(name)
        if found is not None:
            if found.sibling and found.repeats:
                self.aligned(value, node.get(f"_{name}"), f"_{name}" in node, found, f"{path}.{found.label}")
            else:
                self.property(value, found, f"{path}.{found.label}", targets)
            return
        found = of.properties.get(name[1:]) if name[:1] == "_" else None
        if found is None or not found.sibling:
            self.unknown(of, name, path)
        elif not found.repeats:
            self.sibling(value, name[1:] in node, name, f"{path}.{found.label}")
        elif found.name not in node:
            self.aligned(None, value, True, found, f"{path}.{found.label}")

    def unknown(self, of: Shape, name: str, path: str) -> None:
        if of.key == SIMPLE and name in ("comparator", "_comparator"):
            self.fault(
                "structure", f"{path}.comparator", "is not allowed: this element is a quantity without comparator"
            )
            return
        if not _NAME.fullmatch(name):
            self.fault("structure", path, "has a property whose name no FHIR element has; remove it")
            return
        self.hints += 1
        near = get_close_matches(name, [*of.properties], n=1, cutoff=0.75) if self.hints <= _HINTS else []
        hint = f"did you mean {near[0]!r}?" if near else "use an extension for what R4 has no element for."
        message = f"{path} has no element {name!r} in R4 ({of.key.replace('#', '.')}); {hint}"
        self.add(Issue("error", "structure", message, f"{path}.{name}"))

    def choices(self, node: dict[str, Any], of: Shape, path: str) -> None:
        for alternatives in of.choices:
            present = [names[0] for names in alternatives if any(name in node for name in names)]
            if len(present) < 2:
                continue
            if of.type == "Extension" and present[0] == "extension":
                self.fault("structure", path, "must have either a value[x] or extensions, not both (ext-1)")
            else:
                label = of.properties[present[-1]].label
                self.fault(
                    "structure", f"{path}.{label}", f"may be given once, but is there as {' and '.join(present)}"
                )

    def required(self, node: dict[str, Any], of: Shape, path: str) -> None:
        for names in of.required:
            if any(name in node for name in names):
                continue
            if names[0] == "extension" and of.type == "Extension":
                self.fault("required", path, "must have a value[x] or extensions (ext-1)")
                continue
            element = of.properties[names[0]].element
            options = [name for name in names if name[0] != "_"]
            how = f"as one of {_listed(options)}" if element.choice else f"as {options[0]!r}"
            self.fault("required", f"{path}.{element.name}", f"is required; add it {how}")

    def property(self, value: Any, of: Property, path: str, targets: tuple[str, ...]) -> None:
        """Check the value of a property; `targets` are those of the Reference the property belongs to."""
        if not of.repeats:
            self.value(value, of, path, targets)
            return
        if not isinstance(value, list):
            self.fault("structure", path, f"repeats, so it must be a JSON array, but is {kind(value)}")
        elif self.counted(len(value), of, path):
            for index, item in enumerate(value):
                self.value(item, of, f"{path}[{index}]", targets)

    def counted(self, count: int, of: Property, path: str) -> bool:
        """Check how often an element is there; return whether it is there at all."""
        if not count:
            self.fault("structure", path, "must not be an empty array; leave the element out")
        elif count < of.element.min:
            self.fault("required", path, f"must be there at least {of.element.min} times")
        elif 0 < of.element.max < count:
            self.fault("structure", path, f"must be there at most {of.element.max} times")
        return count > 0

    def value(self, value: Any, of: Property, path: str, targets: tuple[str, ...]) -> None:
        """Check one single value."""
        if value is None:
            self.fault("structure", path, "must not be null; leave the element out")
        elif of.type == RESOURCE:
            if not isinstance(value, dict):
                self.fault("structure", path, f"must be a resource (a JSON object), but is {kind(value)}")
        elif not of.shape:
            self.primitive(value, of, path, targets)
        else:
            self.object(value, shape(of.shape), path, (of.targets or ANY) if of.shape == "Reference" else ())
            if of.value_set:
                self.answer("code-invalid", path, concept_fault(of.value_set, value))

    def primitive(self, value: Any, of: Property, path: str, targets: tuple[str, ...]) -> None:
        wrong = primitive_fault(of.type, value)
        if wrong:
            self.fault("value" if has_kind(of.type, value) else "structure", path, wrong)
        elif of.value_set:
            self.answer("code-invalid", path, code_fault(of.value_set, value))
        elif of.name == "reference" and of.element.path == "reference" and isinstance(value, str):
            # Other types have an element of that name too (Expression.reference); only a Reference has targets.
            self.answer("value", path, reference_fault(value, targets) if targets else None)

    def answer(self, code: str, path: str, wrong: str | None) -> None:
        if wrong:
            self.fault(code, path, wrong)

    def aligned(self, values: Any, siblings: Any, has_siblings: bool, of: Property, path: str) -> None:
        """Check an array of primitives together with the array of its siblings, index by index."""
        for each, name in ((values, of.name), (siblings, f"_{of.name}")):
            if each is not None and not isinstance(each, list):
                self.fault("structure", path, f"repeats, so {name!r} must be a JSON array, but is {kind(each)}")
                return
        if (values is None and not has_siblings) or (has_siblings and siblings is None):
            self.fault("structure", path, "must not be null; leave the element out")
            return
        first: list[Any] = values or []
        second: list[Any] = siblings or []
        if values == [] or siblings == []:
            self.fault("structure", path, "must not be an empty array; leave the element out")
            return
        if has_siblings and values is not None and len(first) != len(second):
            self.fault("structure", path, f"and '_{of.name}' must be arrays of equal length; pad the gaps with null")
        self.counted(max(len(first), len(second)), of, path)
        for index in range(max(len(first), len(second))):
            value = first[index] if index < len(first) else None
            beside = second[index] if index < len(second) else None
            self.pair(value, beside, of, f"{path}[{index}]")

    def pair(self, value: Any, beside: Any, of: Property, path: str) -> None:
        if value is None and beside is None:
            self.fault(
                "structure", path, "has neither a value nor an extension; null only fills a gap beside the other"
            )
        if value is not None:
            self.primitive(value, of, path, ())
        if beside is not None:
            self.sibling(beside, value is not None, f"_{of.name}", path)

    def sibling(self, node: Any, has_value: bool, name: str, path: str) -> None:
        """Check the object beside a primitive: an id, extensions, nothing else."""
        if not isinstance(node, dict):
            self.fault("structure", path, f"has a {name!r} that must be a JSON object, but is {kind(node)}")
            return
        if set(node) - _SIBLING_KEYS:
            self.fault("structure", path, f"has a {name!r} with more than 'id' and 'extension', all it may hold")
        if not has_value and "extension" not in node:
            self.fault("structure", path, f"has neither a value nor an extension in {name!r} (ele-1)")
        elif not node:
            self.fault("structure", path, f"has an empty {name!r}; leave it out")
        extension = shape("Extension").properties
        for key in _SIBLING_KEYS & set(node):
            self.property(node[key], extension[key], f"{path}.{key}", ())


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 13 else f"{', '.join(names[:12])}, ..."
